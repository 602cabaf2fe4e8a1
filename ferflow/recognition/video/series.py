"""The faces of a video as a series: each keeps its number, and its answers may be smoothed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ferflow.recognition.boxes import Box, shared_area
from ferflow.recognition.recognizer import Face
from ferflow.recognition.results import Result

_SAME = 0.2  # overlap from which two boxes may be one face: moved by two thirds of its side
_MEMORY = 1.0  # seconds for which a face that is not found is remembered


@dataclass
class _Track:
    """A face that was seen: where, when, in which frame, and its smoothed answer (classes,)."""

    number: int
    box: Box
    seconds: float
    frame: int
    probabilities: NDArray[np.float64]


class Series:
    """Follows the faces of one video, frame after frame.

    A face is the one whose last box it overlaps most (intersection over union), the pairs that
    overlap most first. New faces are numbered as they come, from 1, from left to right. Whoever
    is away for more than a second, or jumps further than two thirds of a face, gets a new number;
    faces that pass in front of each other may exchange theirs.
    """

    def __init__(self, smooth: float = 0.0) -> None:
        """smooth : seconds after which a new answer counts for 63 %; 0 takes it as it is."""
        self._smooth = smooth
        self._tracks: list[_Track] = []
        self._n_seen = 0

    def follow(self, result: Result) -> Result:
        """A frame's result with the faces' numbers and smoothed probabilities."""
        assert result.frame is not None and result.seconds is not None
        self._tracks = [
            track
            for track in self._tracks
            if track.frame == result.frame - 1 or result.seconds - track.seconds <= _MEMORY
        ]
        known = self._matches(result.faces)
        numbers, faces = [], []
        for place, face in enumerate(result.faces):
            new = np.array(list(face.probabilities.values()))
            if (track := known.get(place)) is None:
                self._n_seen += 1
                track = _Track(self._n_seen, face.box, result.seconds, result.frame, new)
                self._tracks.append(track)
            else:
                share = self._share(result.seconds - track.seconds)
                track.probabilities = track.probabilities + share * (new - track.probabilities)
                track.box, track.seconds, track.frame = face.box, result.seconds, result.frame
            numbers.append(track.number)
            faces.append(_with(face, track.probabilities) if self._smooth else face)
        return replace(result, faces=faces, numbers=numbers)

    def _share(self, seconds: float) -> float:
        """What a new answer counts for, so long after the last one: 0 to 1."""
        return 1.0 if not self._smooth else -math.expm1(-seconds / self._smooth)

    def _matches(self, faces: Sequence[Face]) -> dict[int, _Track]:
        """Place of a face -> the track that it continues."""
        pairs = [
            (overlap, -track.number, place, track)
            for place, face in enumerate(faces)
            for track in self._tracks
            if (overlap := overlap_of(face.box, track.box)) >= _SAME
        ]
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, _, place, track in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
            if place not in matches and track.number not in taken:
                matches[place] = track
                taken.add(track.number)
        return matches


def overlap_of(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    shared = shared_area(one, other)
    return shared / (one.width * one.height + other.width * other.height - shared)


def _with(face: Face, probabilities: NDArray[np.float64]) -> Face:
    label = list(face.probabilities)[int(probabilities.argmax())]
    named = dict(zip(face.probabilities, probabilities.tolist(), strict=True))
    return Face(face.box, label, named)
