"""Random forest (Breiman 2001), scikit-learn's."""

from ferflow.train.random_forest.forest import USES_VAL, Params, fit, load, predict_proba, save

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
