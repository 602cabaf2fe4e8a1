"""Which edition of FER-2013's pixels a data set holds.

Copies of FER-2013 differ: many folder editions were re-encoded, which moves grey levels by one or
two and so changes how many images are exactly equal. Sixteen images of PrivateTest tell which.
"""

import numpy as np
from numpy.typing import NDArray

from ferflow.fer2013.table import pixel_hash

_NEEDED = 14  # of 16: a few images may have been left out

# edition -> blake2b of 8 bytes of 16 images of PrivateTest, those of the first rows of
# fer2013.csv that have no equal picture
_KNOWN = {
    "official pixels": (
        "6871c73a508b8a39 e9d2a5c01188a768 6667c2292b604821 dc96e1cc93c9257e "
        "2dff3a469d8bf4a2 b3bae4ba5c325630 5fd4bf058a513d29 df9e346ec52a7aab "
        "2728e7437b774922 46368606d9235278 681a46575fb9e109 4156703109a3e75e "
        "b7e44e59b5a0ced5 33c5018849575105 25503ef087c100c7 c886bb79b64f46df"
    ),
    "re-encoded pixels": (
        "20871f77cfa3378e c0039d5af6289f1f f33bd07c62f58447 6c1c1c1a7557716f "
        "3748c1680ff741f5 cf3bda98e6b0567c 017f8210780c940b d8c83e25a077345c "
        "e9708e142e4743e8 c63c73e5eada4f45 a80474e294219a1e 1e3522ecdb78ea39 "
        "82d7cc732f44ccd8 9eea13337c94ce26 53840571a3fc93d8 ee9b9f18d2919c10"
    ),
}


def edition_of(images: NDArray[np.uint8]) -> str | None:
    """'official pixels', 're-encoded pixels' (the copy of our records), or None if unknown.

    images : uint8 (n, height, width), in any order.
    """
    wanted = set(" ".join(_KNOWN.values()).split())
    found = {hashed for image in images if (hashed := pixel_hash(image)) in wanted}
    for edition, hashes in _KNOWN.items():
        if len(found.intersection(hashes.split())) >= _NEEDED:
            return edition
    return None
