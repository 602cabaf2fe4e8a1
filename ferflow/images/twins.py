"""Twins: images that show the same photograph, to the byte or nearly so.

Mirrored copies and such as were shifted, turned or zoomed are relatives, see `relatives.py`.

Near twins are found with a 64-bit perceptual hash: the signs of low frequencies of the cosine
transform against their median, after Zauner, "Implementation and benchmarking of perceptual image
hash functions" (2010). Re-encoding, brightness, contrast, a watermark or a slightly different
cut move a few of the 64 bits; another face moves about 32. Pairs whose hashes are close are then
compared pixel by pixel, for among many faces some hashes are close by chance.

Groups are int64 arrays of shape (n,): the row of the group's first image. Equal numbers are
twins, and `groups != arange(n)` are the duplicates of earlier images. Twinhood is passed on: the
twin of a twin belongs to the group.

Distance and correlation were chosen by looking at pairs of FER-2013. By the hash alone, two
different people make up 1 % of the pairs within 6 bits and about a third of those at 8. Of the
1,788 pairs within 8 bits that also correlate by 0.9 or more, the 120 least alike were looked at:
one shows two people. Between 0.8 and 0.85 it is one in ten.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ferflow.images.measures import in_chunks, is_constant

TWIN_DISTANCE = 8  # bits of 64; always even, for every hash has 32 bits set
TWIN_CORRELATION = 0.9  # of the grey levels of two near twins, at least

Groups = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_FREQUENCIES = 8  # 1 to 8 half waves, both ways: the mean and pure stripes are left out
_SCALE = 1024  # the cosines as whole numbers, so that any machine computes the same hash
_BANDS = ((0, 16), (16, 16), (32, 16), (48, 16))  # first bit and width; they cover the 64 bits
_MAX_CANDIDATES = 1 << 19  # pairs of hashes compared at a time; bounds the memory


@dataclass(frozen=True)
class Pairs:
    """Near twins: rows first < second, int64 (k,), and the distance of their hashes in bits."""

    first: Groups
    second: Groups
    distance: Groups


def twin_groups(images: NDArray[np.uint8], max_distance: int = TWIN_DISTANCE) -> Groups:
    """Groups of exact and near twins among uint8 images (n, height, width).

    `max_distance` in bits, 0 to 8. A flat image is a twin of identical images only.
    """
    exact = exact_groups(images)
    return join(exact, near_pairs(images, exact, max_distance), max_distance)


def exact_groups(images: NDArray[np.uint8]) -> Groups:
    """Groups of images that are the same byte for byte."""

    def digested(part: NDArray[np.uint8]) -> NDArray[np.uint64]:
        digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in part)
        return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)

    high, low = in_chunks(digested, images, np.dtype((np.uint64, 2))).T
    order = np.lexsort((low, high))  # stable: equal ones stay in their order
    same = (np.diff(high[order]) == 0) & (np.diff(low[order]) == 0)
    starts = np.concatenate([[True], ~same]) if len(order) else np.empty(0, np.bool_)
    groups = np.empty(len(order), np.int64)
    groups[order] = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    return groups


def near_pairs(images: NDArray[np.uint8], exact: Groups, max_distance: int) -> Pairs:
    """All pairs of near twins among the first images of the `exact` groups (n,).

    Flat images are in no pair: they have no frequencies to compare, and all would be alike.
    """
    rows = np.flatnonzero((exact == np.arange(len(exact))) & ~is_constant(images))
    hashes = perceptual_hashes(images)[rows]
    found = [first * len(rows) + second for first, second in close_pairs(hashes, max_distance)]
    places = np.concatenate([np.empty(0, np.int64), *found])
    del found
    places.sort()
    n = max(1, len(rows))
    alike = in_chunks(
        lambda part: correlation(images[rows[part // n]], images[rows[part % n]]),
        places,
        np.float64,
    )
    first, second = np.divmod(places[alike >= TWIN_CORRELATION], n)
    distance = np.bitwise_count(hashes[first] ^ hashes[second]).astype(np.int64)
    return Pairs(rows[first], rows[second], distance)


def join(exact: Groups, pairs: Pairs, max_distance: int) -> Groups:
    """The `exact` groups (n,) after those of near twins within the distance became one."""
    chosen = pairs.distance <= max_distance
    n = len(exact)
    links = coo_array(
        (np.ones(chosen.sum(), np.bool_), (pairs.first[chosen], pairs.second[chosen])), (n, n)
    )
    _, component = connected_components(links, directed=False)
    _, index, inverse = np.unique(component[exact], return_index=True, return_inverse=True)
    return np.asarray(index[inverse], dtype=np.int64)


def correlation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(k,) Pearson's correlation, -1 to 1, of images (k, height, width) that are not flat.

    From sums of whole numbers, which are exact: no machine rounds them otherwise.
    """
    left, right = (images.reshape(len(images), -1).astype(np.float64) for images in (a, b))
    n = left.shape[1]

    def covariance(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(n * (u * v).sum(axis=1) - u.sum(axis=1) * v.sum(axis=1))

    spread = np.sqrt(covariance(left, left) * covariance(right, right))
    return np.asarray(covariance(left, right) / spread)


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

    Exact, and a pair comes once. Two hashes that differ in d bits differ in at most d // 4 bits in
    one of four bands. So each is compared only with those whose band is in such reach, found
    through a table of a band's values (multi-index hashing, Norouzi et al., CVPR 2012). A pair
    counts in the first of its bands.
    """
    reach = max_distance // len(_BANDS)
    for number, (low, width) in enumerate(_BANDS):
        keys = ((hashes >> np.uint64(low)) & np.uint64((1 << width) - 1)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        counts = np.bincount(keys, minlength=1 << width)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        without = [np.flatnonzero(keys >> bit & 1 == 0) for bit in range(width)]
        for flip in _flips(width, reach):
            # of two keys that differ by the flip one lacks its lowest bit: a pair is met once
            rows = without[(flip & -flip).bit_length() - 1] if flip else np.arange(len(keys))
            wanted = keys[rows] ^ flip
            for row, place in _candidates(starts[wanted], starts[wanted + 1]):
                one, other = rows[row], order[place]
                apart = hashes[one] ^ hashes[other]
                close = np.bitwise_count(apart) <= max_distance
                close &= (flip > 0) | (one < other)
                one, other, apart = one[close], other[close], apart[close]
                new = ~_met(apart, _BANDS[:number], reach)
                one, other = one[new], other[new]
                yield np.minimum(one, other), np.maximum(one, other)


def _met(apart: Hashes, bands: Sequence[tuple[int, int]], reach: int) -> NDArray[np.bool_]:
    """(k,) whether the bits in which two hashes differ are within reach in one of the bands."""
    met = np.zeros(len(apart), np.bool_)
    for low, width in bands:
        own = apart >> np.uint64(low) & np.uint64((1 << width) - 1)
        met |= np.bitwise_count(own) <= reach
    return met


def _flips(width: int, reach: int) -> list[int]:
    """All numbers of `width` bits of which at most `reach` are set."""
    return [
        sum(1 << bit for bit in bits)
        for n_set in range(reach + 1)
        for bits in combinations(range(width), n_set)
    ]


def _candidates(starts: Groups, ends: Groups) -> Iterator[tuple[Groups, Groups]]:
    """(row, place) for every place in starts[row]..ends[row] - 1, some 500,000 at a time."""
    n_places = ends - starts
    total = np.cumsum(n_places)
    parts = np.arange(0, total[-1] if len(total) else 0, _MAX_CANDIDATES)
    bounds = [*np.searchsorted(total, parts, side="right"), len(total)]
    for low, high in pairwise(bounds):
        n = n_places[low:high]
        rows = np.repeat(np.arange(low, high), n)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
        yield rows, starts[rows] + offsets


def _cosines(side: int) -> NDArray[np.float64]:
    """Rows of the cosine transform (8, side), in whole numbers: sums of products stay exact."""
    place = (np.arange(side) + 0.5) / side
    half_waves = np.arange(1, _FREQUENCIES + 1)[:, None]
    return np.asarray(np.rint(_SCALE * np.cos(np.pi * half_waves * place)))
