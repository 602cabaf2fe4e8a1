"""Whose label means which class: a published classifier's names beside the data's."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.core.params import nearest

KEY = "train.pretrained.classes"


def match_labels(
    theirs: Sequence[str], ours: Sequence[str], classes: Mapping[str, str | None]
) -> NDArray[np.float64]:
    """Which of their labels stand for which of our classes, 0 or 1, (len(theirs), len(ours)).

    classes : one of theirs -> one of ours, or None for a label to leave out. What it does not name
    is matched by the name itself, whatever its case.
    Raises ParamError if a label stands for no class, or no label for a class.
    """
    _check_map(theirs, ours, classes)
    places = {name.casefold(): k for k, name in enumerate(ours)}
    matrix = np.zeros((len(theirs), len(ours)))
    unknown = []
    for row, name in enumerate(theirs):
        meant = classes.get(name, name)
        if meant is None:
            continue
        if meant.strip().casefold() in places:
            matrix[row, places[meant.strip().casefold()]] = 1
        else:
            unknown.append(name)
    if unknown:
        raise ParamError(
            f"{KEY}: {', '.join(map(repr, unknown))} among the model's labels are not classes of "
            f"the data ({', '.join(ours)}). Map them, null leaves one out: --set "
            f"'{KEY}={_suggestion(unknown, ours)}'"
        )
    if missing := [name for name, column in zip(ours, matrix.T, strict=True) if not column.any()]:
        raise ParamError(
            f"{KEY}: no label of the model stands for {', '.join(missing)}; it has "
            f"{', '.join(theirs)}. Map one, or leave the class out with preprocess.classes."
        )
    return matrix


def _check_map(
    theirs: Sequence[str], ours: Sequence[str], classes: Mapping[str, str | None]
) -> None:
    for name, meant in classes.items():
        if name not in theirs:
            raise ParamError(
                f"{KEY}: {name!r} is not a label of the model.{nearest(name, theirs)} Its labels: "
                f"{', '.join(theirs)}."
            )
        if meant is not None and meant not in ours:
            raise ParamError(
                f"{KEY}: {name!r} is mapped to {meant!r}, which is not a class of the data."
                f"{nearest(meant, ours)} Legal: {', '.join(ours)}, or null."
            )


def _suggestion(unknown: Sequence[str], ours: Sequence[str]) -> str:
    """'{anger: angry, LABEL_1: ?}', to be looked at and completed."""
    near = {name: nearest(name.casefold(), ours) for name in unknown}
    pairs = [f"{name}: {hint.split(chr(39))[1] if hint else '?'}" for name, hint in near.items()]
    return "{" + ", ".join(pairs) + "}"
