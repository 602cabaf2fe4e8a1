"""The boosting: fitting; the rest is what scikit-learn's families share."""

from pathlib import Path

from sklearn.ensemble import HistGradientBoostingClassifier

from ferflow.training.families.hist_gradient_boosting import Params
from ferflow.training.shared.classical.estimators import MODEL_FILE, as_numbers, predict_proba, save
from ferflow.training.shared.classical.skops_files import load_model
from ferflow.training.shared.classical.soundness import check_boosting
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


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
