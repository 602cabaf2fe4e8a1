"""Nearest neighbours (Cover and Hart 1967), scikit-learn's."""

from ferflow.train.k_nearest_neighbors.neighbors import (
    USES_VAL,
    Params,
    fit,
    load,
    predict_proba,
    save,
)

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
