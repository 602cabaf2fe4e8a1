"""Stage 2: filter the pictures, make faces of one shape of them and correct their lighting."""

from pathlib import Path

from ferflow.core.face_params import FaceParams
from ferflow.core.files import write_json
from ferflow.core.params import load_params
from ferflow.core.split import SPLITS, load_split, save_split
from ferflow.core.stage import run_stage
from ferflow.core.tables import write_table
from ferflow.images.faces import refuse_other_sizes
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.params import PreprocessParams
from ferflow.preprocess.removed_sheet import draw_removed


def main(source: Path, target: Path, metrics: Path) -> None:
    params = load_params("preprocess", PreprocessParams)
    splits = {name: load_split(source / f"{name}.safetensors") for name in SPLITS}
    face = load_params("data", FaceParams, part=True)
    for split in splits.values():
        refuse_other_sizes(split.x, split.source_id, face)
    cleaned = preprocess(splits, params, face.shape)
    counts = {}
    for name, split in cleaned.splits.items():
        save_split(target / f"{name}.safetensors", split)
        write_table(target / f"{name}_twins.csv", cleaned.split_twins[name])
        counts[name] = {"kept": split.class_counts(), "removed": cleaned.counts[name]}
        for reason, classes in cleaned.counts[name].items():
            print(f"{name}: {sum(classes.values()):,} removed ({reason})")
    write_table(target / "twins.csv", cleaned.twins)
    write_table(target / "relatives.csv", cleaned.relatives)
    draw_removed(target / "removed.png", cleaned.pool, cleaned.removed, splits["train"].labels)
    write_json(metrics, {"images": counts})
    for name in SPLITS[1:]:
        n_twins, n_relatives = (
            int((table["split"] == name).sum()) for table in (cleaned.twins, cleaned.relatives)
        )
        print(f"{name}: {n_twins:,} images have a twin in train, {n_relatives:,} a relative")


if __name__ == "__main__":
    run_stage(main)
