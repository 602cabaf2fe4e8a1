"""The classes of a source under the names that are wanted: `data.classes_map` comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import nearest
from ferflow.download.pictures import natural_key
from ferflow.fer2013.labels import FER2013_LABELS, common_spelling


@dataclass(frozen=True)
class Named:
    """y : int64 (n,), index into `labels`. notes : what a person should hear about the names."""

    y: NDArray[np.int64]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def name_classes(
    classes: Sequence[str],
    known: tuple[str, ...],
    classes_map: Mapping[str, str],
    names: Sequence[str] = (),
) -> Named:
    """The classes (n) of images as numbers.

    known : a known data set's classes, in its order; any other word is refused. Without them the
    words are the classes: FER-2013's seven in its order, others in alphabetical order.
    classes_map : word of the source -> name wanted. names : the images' files, for messages.

    Raises ParamError if the map names what is not there, DataError if a word is not a class of a
    known data set, and where fewer than two classes are left.
    """
    words = set(classes)
    if strangers := [word for word in classes_map if word not in words.union(known)]:
        raise ParamError(
            f"data.classes_map names '{strangers[0]}', which is not a class of these data. "
            f"Legal: {', '.join(_ordered(words.union(known)))}.{nearest(strangers[0], words)}"
        )
    wanted = {word: classes_map.get(word, word) for word in words}
    if known:
        labels = tuple(dict.fromkeys(classes_map.get(label, label) for label in known))
        if odd := [i for i, word in enumerate(classes) if wanted[word] not in labels]:
            raise _unknown(classes[odd[0]], labels, names[odd[0]] if names else "")
    else:
        labels = _ordered(set(wanted.values()))
    if len(labels) < 2:
        raise DataError(f"the images are of one class only ('{labels[0]}'); two are needed.")
    number = {label: i for i, label in enumerate(labels)}
    y = np.array([number[wanted[word]] for word in classes], dtype=np.int64)
    return Named(y, labels, () if known else _advice(labels))


def map_hint(pairs: Mapping[str, str]) -> str:
    """How to give classes other names, as it is typed."""
    text = ", ".join(f"{word}: {name}" for word, name in pairs.items())
    return f"--set 'data.classes_map={{{text}}}'"


def _ordered(words: set[str]) -> tuple[str, ...]:
    """FER-2013's seven in its order, others in alphabetical order, numbers by size."""
    if words == set(FER2013_LABELS):
        return FER2013_LABELS
    return tuple(sorted(words, key=natural_key))


def _unknown(word: str, labels: tuple[str, ...], name: str) -> DataError:
    """A class that a known data set does not have."""
    place = (
        f"{name}: the folder must be named after a class" if name else "the classes must be among"
    )
    guess = common_spelling(word)
    cure = f" To rename it '{guess}': {map_hint({word: guess})}." if guess in labels else ""
    return DataError(f"{place} ({', '.join(labels)}); got '{word}'.{nearest(word, labels)}{cure}")


def _advice(labels: tuple[str, ...]) -> tuple[str, ...]:
    """A note where classes are FER-2013's in other words: named, never guessed silently."""
    pairs = {
        label: name for label in labels if (name := common_spelling(label)) not in (None, label)
    }
    if not pairs or len(set(pairs.values())) < len(pairs) or set(pairs.values()) & set(labels):
        return ()
    return (f"classes keep their names; FER-2013's names are given with {map_hint(pairs)}",)
