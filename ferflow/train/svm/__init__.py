"""Support vector machine (Cortes and Vapnik 1995), one against one, scikit-learn's."""

from ferflow.train.svm.machine import USES_VAL, Params, fit, load, predict_proba, save

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
