"""Beside the chain: evaluate it wrongly, on purpose (mistakes/dvc.yaml)."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.augment.params import AugmentParams
from ferflow.balance.params import BalanceParams
from ferflow.core.errors import ParamError
from ferflow.core.face_shape import FaceShape, noted_shape
from ferflow.core.files import write_json
from ferflow.core.params import load_params, load_seed, repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.split import SPLITS, load_split
from ferflow.core.stage import run_stage
from ferflow.features.extraction import extract_features, fastest, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.runs.mistakes.by_name import MISTAKES, mistaken_scores, reason_against
from ferflow.runs.mistakes.honest_chain import HonestChain
from ferflow.training.shared.classifier import load_classifier
from ferflow.training.shared.compute_params import ComputeParams
from ferflow.training.shared.params import load_family


def extract(face: FaceShape, images: NDArray[np.uint8]) -> NDArray[Any]:
    """What the honest chain hands on of some faces of that shape."""
    params = load_params("features", FeaturesParams)
    if params.method == "pixels":
        return images
    return extract_features(images, fastest(make_extractor(params, face), images))


def main(name: Path, features: Path, images: Path, classifier: Path, target: Path) -> None:
    shared, params = load_family()
    if shared.search.method != "none":
        raise ParamError(
            "a mistake repeats the fit with the settings of params.yaml. Put those that the search "
            "found (metrics/train.json) there, and set train.search.method to none."
        )
    honest = load_classifier(classifier)
    if reason := reason_against(str(name), honest.meta, honest.labels):
        raise ParamError(f"the mistake '{name}' cannot be made here: {reason}.")
    chain = HonestChain(
        features={split: load_split(features / f"{split}.safetensors") for split in SPLITS},
        images=lambda split: load_split(images / f"{split}.safetensors"),
        extract=partial(extract, noted_shape(honest.meta)),
        classifier=honest,
        params=params,
        augment_params=load_params("augment", AugmentParams),
        balance_params=load_params("balance", BalanceParams),
        seed=load_seed(),
        scratch=repository_root() / SCRATCH / "training",
        accelerate=load_params("compute", ComputeParams).checked(),
    )
    scores = mistaken_scores(str(name), *MISTAKES[str(name)](chain))
    write_json(target, scores)
    print(f"MISTAKE {name}: accuracy {scores['mistake']['accuracy']:.4f}, not a result")


if __name__ == "__main__":
    run_stage(main)
