"""Twins: images that show the same photograph, to the byte or nearly so.

Near twins are found with a 64-bit perceptual hash: the signs of low frequencies of the cosine
transform against their median, after Zauner, "Implementation and benchmarking of perceptual image
hash functions" (2010). Re-encoding, brightness, contrast, a watermark or a slightly different
cut move a few of the 64 bits; another face moves about 32.

Groups are int64 arrays of shape (n,): the row of the group's first image. Equal numbers are
twins, and `groups != arange(n)` are the duplicates of earlier images. Twinhood is passed on: the
twin of a twin belongs to the group.

The distance was chosen by looking at pairs of FER-2013. Other people's faces make up 1 % of the
pairs at distance 6 or below, and about a third of those at 8.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ferflow.data.image_measures import in_chunks, is_constant

TWIN_DISTANCE = 6  # bits of 64; always even, for every hash has 32 bits set

Groups = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_FREQUENCIES = 8  # 1 to 8 half waves, both ways: the mean and pure stripes are left out
_SCALE = 1024  # the cosines as whole numbers, so that any machine computes the same hash
_BANDS, _BAND_BITS = 4, 16
_MAX_CANDIDATES = 1 << 22  # pairs compared at a time; bounds the memory


def twin_groups(images: NDArray[np.uint8], max_distance: int = TWIN_DISTANCE) -> Groups:
    """Groups of exact and near twins among uint8 images (n, height, width).

    A flat image has no frequencies to compare: it is a twin of identical images only.
    """
    return np.where(is_constant(images), exact_groups(images), near_groups(images, max_distance))


def exact_groups(images: NDArray[np.uint8]) -> Groups:
    """Groups of images that are the same byte for byte."""
    first: dict[bytes, int] = {}
    rows = (
        first.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), row)
        for row, image in enumerate(images)
    )
    return np.fromiter(rows, np.int64, len(images))


def near_groups(images: NDArray[np.uint8], max_distance: int = TWIN_DISTANCE) -> Groups:
    """Groups of images that are joined by steps of at most `max_distance` (0 to 10) hash bits.

    Flat images are alone in their groups: their hashes say nothing.
    """
    return group_hashes(perceptual_hashes(images), ~is_constant(images), max_distance)


def group_hashes(hashes: Hashes, comparable: NDArray[np.bool_], max_distance: int) -> Groups:
    """As `near_groups`, from hashes (n,); those that are not `comparable` (n,) stay alone."""
    groups = np.arange(len(hashes))
    rows = np.flatnonzero(comparable)
    unique, code = np.unique(hashes[rows], return_inverse=True)
    joined = np.arange(len(unique))
    for first, second in close_pairs(unique, max_distance):
        joined = _join(joined, first, second)
    _, index, inverse = np.unique(joined[code], return_index=True, return_inverse=True)
    groups[rows] = rows[index[inverse]]
    return groups


def perceptual_hashes(images: NDArray[np.uint8]) -> Hashes:
    """uint64 (n,): bit by bit, whether a frequency of the cosine transform exceeds the median."""
    height, width = images.shape[1:]
    down, across = _cosines(height), _cosines(width)

    def hashed(part: NDArray[np.uint8]) -> Hashes:
        waves = (down @ part.astype(np.float64) @ across.T).reshape(len(part), -1)
        bits = waves > np.median(waves, axis=1, keepdims=True)
        return np.packbits(bits, axis=1).view(">u8").ravel()

    return in_chunks(hashed, images, np.uint64)


def close_pairs(hashes: Hashes, max_distance: int) -> Iterator[tuple[Groups, Groups]]:
    """Pairs of rows (first, second), first < second, at most `max_distance` bits apart, in parts.

    Exact, and a pair may come more than once. Two hashes that differ in d bits differ in at most
    d // 4 bits in one of their four bands of 16 bits. So each is compared only with those whose
    band is in such reach, through a table of the 65,536 values of a band: for distance 6 some 70
    hashes among 35,887 (multi-index hashing, Norouzi et al., CVPR 2012).
    """
    reach = max_distance // _BANDS
    flips = [flip for flip in range(1 << _BAND_BITS) if flip.bit_count() <= reach]
    for band in range(_BANDS):
        shifted = hashes >> np.uint64(band * _BAND_BITS)
        keys = (shifted & np.uint64((1 << _BAND_BITS) - 1)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange((1 << _BAND_BITS) + 1))
        for flip in flips:
            wanted = keys ^ flip
            for first, place in _candidates(starts[wanted], starts[wanted + 1]):
                second = order[place]
                apart = np.bitwise_count(hashes[first] ^ hashes[second])
                close = (first < second) & (apart <= max_distance)
                yield first[close], second[close]


def _candidates(starts: Groups, ends: Groups) -> Iterator[tuple[Groups, Groups]]:
    """(row, place) for every place in starts[row]..ends[row] - 1, some four million at a time."""
    n_places = ends - starts
    total = np.cumsum(n_places)
    parts = np.arange(0, total[-1] if len(total) else 0, _MAX_CANDIDATES)
    bounds = [*np.searchsorted(total, parts, side="right"), len(total)]
    for low, high in pairwise(bounds):
        n = n_places[low:high]
        rows = np.repeat(np.arange(low, high), n)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
        yield rows, starts[rows] + offsets


def _join(groups: Groups, first: Groups, second: Groups) -> Groups:
    """The groups (n,), numbered below n, after the groups of each pair of rows became one."""
    if not len(first):
        return groups
    n = len(groups)
    links = coo_array((np.ones(len(first), np.bool_), (groups[first], groups[second])), (n, n))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[groups], dtype=np.int64)


def _cosines(side: int) -> NDArray[np.float64]:
    """Rows of the cosine transform (8, side), in whole numbers: sums of products stay exact."""
    place = (np.arange(side) + 0.5) / side
    half_waves = np.arange(1, _FREQUENCIES + 1)[:, None]
    return np.asarray(np.rint(_SCALE * np.cos(np.pi * half_waves * place)))
