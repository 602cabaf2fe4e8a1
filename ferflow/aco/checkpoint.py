"""Checkpoints: a search that was killed ends with the subset that it would have found."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray

from ferflow.aco.search import Search
from ferflow.core import acceleration
from ferflow.core.files import atomic

# neither changes the result
_WITHOUT_EFFECT = {"n_jobs", "checkpoint", "callback"}


class DamagedCheckpointError(ValueError):
    """A checkpoint's file cannot be gone on from."""


class Checkpoint:
    """One file in a folder, named by a fingerprint of the data and the parameters.

    Anything else than the same fit has another fingerprint and starts from the beginning. The
    file is replaced as a whole after each iteration, and holds arrays and JSON, no pickle.
    """

    def __init__(self, folder: Any, params: dict[str, Any], data: list[Any]) -> None:
        self.file = Path(folder) / f"colony-{fingerprint(params, data)}.npz"

    def save(self, state: dict[str, NDArray[Any]]) -> None:
        """Replace the file."""
        # two equal fits may run at once, and they have the same file
        with atomic(self.file) as part, part.open("wb") as file:
            np.savez(file, **state)  # type: ignore[arg-type]

    def load_into(self, search: Search) -> None:
        """Continue from what was saved last, if anything; ValueError if it is damaged."""
        try:
            # opened here: numpy leaves a damaged file open
            with self.file.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if any(info.compress_type for info in archive.zip.infolist()):
                    raise ValueError("packed, which ours never are")  # to any size
                search.restore(dict(archive))
        except (FileNotFoundError, NotADirectoryError):
            return  # none, or an equal fit has just ended
        except Exception as error:  # numpy raises what zip files and arrays raise
            raise DamagedCheckpointError(
                f"checkpoint must hold whole files; {self.file} is damaged ({error}). Delete it."
            ) from None

    def clear(self) -> None:
        """Delete the file: the fit is complete."""
        self.file.unlink(missing_ok=True)


def fingerprint(params: dict[str, Any], data: list[Any]) -> str:
    """A hash of everything that the result of a fit depends on, the code included.

    params : as `get_params(deep=True)` gives them. data : arrays, sparse matrices, None.
    """
    told = {k: _told(v) for k, v in params.items() if k not in _WITHOUT_EFFECT}
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(acceleration.__file__)]
    code = [path.read_bytes() for path in files]
    everything = [sorted(told.items()), data, code, sklearn.__version__]
    return str(joblib.hash(everything, hash_name="sha1", coerce_mmap=True))


def _told(value: Any) -> str:
    """A parameter in words that are the same in every process."""
    if hasattr(value, "get_params"):
        return f"{type(value).__module__}.{type(value).__qualname__}"  # its own are told apart
    if isinstance(value, np.ndarray | list):
        return str(joblib.hash(value))
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
