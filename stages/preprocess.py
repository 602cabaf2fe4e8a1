"""Stage 2: filter the images and correct their lighting."""

from pathlib import Path

from ferflow.artifacts import SPLITS, load_split, save_split, write_json
from ferflow.data.preprocess import PreprocessParams, preprocess
from ferflow.params import load_params
from ferflow.stage import run_stage


def main(source: Path, target: Path, metrics: Path) -> None:
    params = load_params("preprocess", PreprocessParams)
    counts = {}
    for name in SPLITS:
        split = load_split(source / f"{name}.safetensors")
        cleaned, removed = preprocess(split, params, is_train=name == "train")
        save_split(target / f"{name}.safetensors", cleaned)
        counts[name] = {"kept": cleaned.class_counts(), "removed": removed}
        for reason, classes in removed.items():
            print(f"{name}: {sum(classes.values())} removed ({reason})")
    write_json(metrics, {"images": counts})


if __name__ == "__main__":
    run_stage(main)
