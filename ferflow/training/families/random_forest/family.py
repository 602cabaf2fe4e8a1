"""The forest: fitting; the rest is what all forests share."""

from pathlib import Path

from sklearn.ensemble import RandomForestClassifier

from ferflow.training.families.random_forest import Params
from ferflow.training.shared.classical import forests
from ferflow.training.shared.classical.forests import predict_proba, save
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A forest fitted to the training rows."""
    forest = RandomForestClassifier(**params.model_dump(), random_state=seed, n_jobs=-1)
    return forests.grow(forest, data, can_accelerate=True)


def load(folder: Path) -> RandomForestClassifier:
    """The forest in the folder."""
    return forests.load(folder, RandomForestClassifier)
