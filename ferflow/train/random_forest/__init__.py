"""Random forest (Breiman 2001), scikit-learn's."""

from ferflow.train.random_forest.forest import Params, fit, load, predict_proba, save

__all__ = ["Params", "fit", "load", "predict_proba", "save"]
