"""Gradient boosting of trees on binned values (Friedman 2001; Ke et al. 2017), scikit-learn's."""

from ferflow.train.hist_gradient_boosting.boosting import (
    USES_VAL,
    Params,
    fit,
    load,
    predict_proba,
    save,
)

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
