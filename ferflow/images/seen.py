"""Which images a network was trained on, kept beside it as perceptual hashes, never as images.

Features that a network makes of its own training images are better than any new image's, so a
classifier fitted on them is misled, and its scores on them mean nothing.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ferflow.core.errors import DataError
from ferflow.core.files import atomic
from ferflow.images.faces import small_grey
from ferflow.images.twins import perceptual_hashes

SEEN_FILE = "trained_on.safetensors"
LIMIT = 0.3  # of the images: 13 % of FER-2013's val and test have a twin among its training images


def write_seen(folder: Path, images: NDArray[np.uint8]) -> None:
    """Note the faces, of any shape, that the network in a folder was trained on."""
    hashes = np.unique(perceptual_hashes(small_grey(images)))
    with atomic(folder / SEEN_FILE) as part:
        save_file({"hashes": hashes.astype(np.uint64)}, part)


def refuse_seen(folder: Path, images: NDArray[np.uint8], split: str) -> None:
    """Raise DataError if the network in the folder was trained on many of these images.

    An image counts where its hash is the same to the last bit: re-encoding keeps most.
    """
    file = folder / SEEN_FILE
    if not file.exists() or not len(images):
        return
    try:
        seen = load_file(file)["hashes"]
    except (SafetensorError, KeyError, OSError) as error:
        raise DataError(f"{file} is not a list of images: {error}") from None
    share = float(np.isin(perceptual_hashes(small_grey(images)), seen).mean())
    if share > LIMIT:
        raise DataError(
            f"features.backbone: the network in {folder} was trained on {share:.0%} of the images "
            f"in {split}. Scores on them would be too high. Use another backbone, or other images."
        )
