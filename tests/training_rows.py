"""Training rows for tests of the classifier families."""

import numpy as np

from ferflow.core.split import Split
from ferflow.training.shared.fitting import TrainingData

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def split_of(x, y, labels=LABELS):
    """Rows x (n, ...) of classes y (n,) as real images of a split."""
    names = np.array([f"image_{i}" for i in range(len(y))], dtype=np.str_)
    return Split(x, np.asarray(y, np.int64), names, np.full(len(y), ""), labels, {})


def training_data(x, y, val=None, scratch=None):
    """What a family is handed: rows to fit, and (x, y) to choose by."""
    return TrainingData(split_of(x, y), val and split_of(*val), scratch)
