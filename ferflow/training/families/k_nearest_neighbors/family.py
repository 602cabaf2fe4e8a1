"""The neighbours: fitting; the rest is what all pipelines share."""

from pathlib import Path

from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from ferflow.core.errors import ParamError
from ferflow.training.families.k_nearest_neighbors import Params
from ferflow.training.shared.classical.estimators import (
    MODEL_FILE,
    fit_pipeline,
    load_pipeline,
    predict_proba,
    save,
)
from ferflow.training.shared.classical.soundness import check_neighbors
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """The training rows, kept to be compared with; nothing is drawn at random.

    Raises ParamError if there are fewer rows than neighbours.
    """
    del seed
    if params.n_neighbors > len(data.train):
        raise ParamError(
            "train.k_nearest_neighbors.n_neighbors must be at most the training rows, "
            f"{len(data.train)} here; got {params.n_neighbors}."
        )
    # brute force: in hundreds of dimensions a tree of cells finds neighbours no sooner
    neighbors = KNeighborsClassifier(**params.own, algorithm="brute")
    return Fitted(fit_pipeline(neighbors, data, params, "k_nearest_neighbors"))


def load(folder: Path) -> Pipeline:
    """The neighbours in the folder."""
    pipeline = load_pipeline(folder, KNeighborsClassifier)
    check_neighbors(folder / MODEL_FILE, pipeline[-1])
    return pipeline
