"""What a family of classifiers is handed, and what it hands back."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ferflow.core.errors import DataError
from ferflow.core.split import Split

if TYPE_CHECKING:  # who trains on a GPU has torch and little else
    import pandas as pd

CURVE_COLUMNS = [
    "epoch",
    "learning_rate",
    "train_loss",
    "val_loss",
    "val_accuracy",
    "val_f1_macro",
]


@dataclass(frozen=True)
class TrainingData:
    """What a family may learn from.

    train : the rows to fit, x flat (n, d): the selected features.
    val : real rows, as flat, to choose an epoch or a setting by; None where they joined train.
    scratch : a folder that outlives a kill, for checkpoints; None for none.
    accelerate : whether scikit-learn-intelex may be used: 'auto' where the answer is the same to a
        solver's tolerance, 'on' wherever it can, 'off' never.
    local_batch_norm : whether batch norm may take the statistics of each rank's rows alone.
    Raises DataError if the two name different classes.
    """

    train: Split
    val: Split | None = None
    scratch: Path | None = None
    accelerate: Literal["auto", "on", "off"] = "off"
    local_batch_norm: bool = False

    def __post_init__(self) -> None:
        if self.val is not None:
            check_labels(self.val, self.train.labels, "val", "train")

    def with_validation_added(self) -> "TrainingData":
        """The validation rows among those to fit; nothing is left to choose by."""
        assert self.val is not None
        return replace(self, train=Split.join([self.train, self.val]), val=None)


def check_labels(split: Split, labels: tuple[str, ...], name: str, other: str) -> None:
    """Refuse a split whose class numbers mean something else; DataError lists both."""
    if split.labels != labels:
        raise DataError(
            f"{name} and {other} name different classes: {', '.join(split.labels)}; "
            f"and {', '.join(labels)}. Make both from one data set: dvc repro --force"
        )


def no_curve() -> "pd.DataFrame":
    """The curve of a family that does not learn in epochs."""
    import pandas as pd

    return pd.DataFrame(columns=CURVE_COLUMNS)


@dataclass(frozen=True)
class Fitted:
    """A fitted model with the story of its fit.

    curve : a row of CURVE_COLUMNS for each epoch. about : numbers and words for the metrics, the
    same for the same fit on any machine; no seconds. earlier_seconds : spent on this fit by runs
    that were killed.
    """

    model: Any
    curve: "pd.DataFrame" = field(default_factory=no_curve)
    about: dict[str, Any] = field(default_factory=dict)
    earlier_seconds: float = 0.0
