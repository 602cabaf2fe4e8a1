"""Extremely randomised trees (Geurts, Ernst and Wehenkel 2006), scikit-learn's."""

from ferflow.train.extra_trees.forest import USES_VAL, Params, fit, load, predict_proba, save

__all__ = ["USES_VAL", "Params", "fit", "load", "predict_proba", "save"]
