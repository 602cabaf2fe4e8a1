"""Support vector machine (Cortes and Vapnik 1995), one against one, scikit-learn's."""

from ferflow.train.svm.machine import Params, fit, load, predict_proba, save

__all__ = ["Params", "fit", "load", "predict_proba", "save"]
