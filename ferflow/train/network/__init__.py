"""Networks trained from images, one training loop for all architectures."""

from ferflow.train.network.family import fit, load, predict_proba, save
from ferflow.train.network.params import Params

__all__ = ["Params", "fit", "load", "predict_proba", "save"]
