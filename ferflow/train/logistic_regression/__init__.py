"""Multinomial logistic regression with an L2 penalty, scikit-learn's."""

from ferflow.train.logistic_regression.regression import (
    USES_VAL,
    Params,
    fit,
    load,
    predict_proba,
    save,
)

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
