"""The forest: fitting; the rest is what all forests share."""

from pathlib import Path

from sklearn.ensemble import ExtraTreesClassifier

from ferflow.training.families.extra_trees import Params
from ferflow.training.shared.classical import forests
from ferflow.training.shared.classical.forests import predict_proba, save
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A forest fitted to the training rows."""
    forest = ExtraTreesClassifier(**params.model_dump(), random_state=seed, n_jobs=-1)
    # the other package's thresholds do not survive the way into scikit-learn's trees: seen, one row
    # in ten goes another way in some tree
    return forests.grow(forest, data, can_accelerate=False)


def load(folder: Path) -> ExtraTreesClassifier:
    """The forest in the folder."""
    return forests.load(folder, ExtraTreesClassifier)
