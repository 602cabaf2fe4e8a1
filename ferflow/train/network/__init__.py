"""Networks trained from images, one training loop for all architectures."""

from ferflow.train.network.family import USES_VAL, as_network, faster, fit, predict_proba
from ferflow.train.network.files import load_network as load
from ferflow.train.network.files import save_network as save
from ferflow.train.network.params import Params

__all__ = ["USES_VAL", "Params", "as_network", "faster", "fit", "load", "predict_proba", "save"]
