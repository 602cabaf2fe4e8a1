"""The boosting: fitting; the rest is what scikit-learn's families share."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from sklearn.ensemble import HistGradientBoostingClassifier

from ferflow.classical.estimators import MODEL_FILE, as_numbers, predict_proba, save
from ferflow.classical.soundness import check_boosting
from ferflow.fitting import Fitted, TrainingData
from ferflow.params import Record
from ferflow.skops_files import load_model

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


class Params(Record):
    """The section `train.hist_gradient_boosting`."""

    learning_rate: float = Field(gt=0)
    max_iter: int = Field(ge=1)
    max_leaf_nodes: int = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    l2_regularization: float = Field(ge=0)
    max_features: float = Field(gt=0, le=1)
    class_weight: Literal["balanced"] | None


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """Trees fitted one after another to what those before them left open."""
    boosting = HistGradientBoostingClassifier(
        **params.model_dump(), early_stopping=False, random_state=seed
    )
    return Fitted(boosting.fit(as_numbers(data.train.x), data.train.y))


def load(folder: Path) -> HistGradientBoostingClassifier:
    """The trees in the folder."""
    model = load_model(folder / MODEL_FILE, HistGradientBoostingClassifier)
    check_boosting(folder / MODEL_FILE, model)
    return model
