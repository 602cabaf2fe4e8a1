"""scikit-learn-intelex, if it is installed: the same algorithms on more of the processor.

It is asked for by class and never patches scikit-learn. Its fitted objects are not stored (writing
them ends the interpreter): a family takes over what they learnt into scikit-learn's own.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def is_installed() -> bool:
    """Whether the package is there."""
    return find_spec("sklearnex") is not None


def fast_version(estimator: Any) -> Any:
    """The package's version of an unfitted estimator; the estimator itself where it has none.

    A machine's answer is the same to its tolerance; a forest's trees are other ones, for values
    are binned and other random numbers drawn.
    """
    kind, package = type(estimator), type(estimator).__module__.split(".")
    if package[0] != "sklearn" or find_spec(f"sklearnex.{package[1]}") is None:
        return estimator
    fast = getattr(import_module(f"sklearnex.{package[1]}"), kind.__name__, None)
    return fast(**estimator.get_params(deep=False)) if fast else estimator
