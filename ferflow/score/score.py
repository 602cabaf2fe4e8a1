"""Anybody's answers to FER-2013's PublicTest and PrivateTest, scored without the data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferflow.claims.by_heart import is_by_heart
from ferflow.claims.verdict import Z_975
from ferflow.core.errors import DataError
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import N_ROWS, UNKNOWN, USAGES, Table, clear_majority, load_table
from ferflow.score.answers import Said, read_said
from ferflow.score.figures import Figures, figures
from ferflow.score.images import Named, find_images
from ferflow.score.order import diagonal, find_order
from ferflow.score.sheet import read_sheet

SCORED = USAGES[1:]  # PublicTest and PrivateTest
WITHOUT_TWINS, BY_FERPLUS = "without twins", "FER+'s clear majority"
BOTH_AGREE, THEY_DIFFER = "both agree", "they differ"
_SHOWN = 3  # missing images that are named
_SHIFTS = (-1, 1, 28_709, 32_298)  # of rows that were counted from elsewhere
_FOUND = 10.0  # standard deviations above guessing at which a shift explains the rows

Entries = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """What answers are worth.

    parts : usage -> '' (all its answered images by FER-2013's label), WITHOUT_TWINS, BY_FERPLUS,
    BOTH_AGREE, THEY_DIFFER -> figures. entries, said : of the answered images of both usages.
    twins : the group of each entry of the table, in the edition whose images were named. notes :
    sentences.
    """

    parts: dict[str, dict[str, Figures]]
    entries: Entries
    said: Said
    twins: Entries
    notes: tuple[str, ...]


def score_file(path: Path) -> Scored:
    """The answers in a file, scored; DataError where they cannot be.

    Labels are the table's: the file's own, if it has any, are not looked at.
    """
    columns = read_sheet(path)
    named = find_images(load_table(), columns)
    return score_answers(named, read_said(columns, named.column), str(path))


def score_answers(named: Named, said: Said, whose: str) -> Scored:
    """Answers to images, a row for each of `named`; DataError where none is of val or test.

    whose : the file or the model that gave them, in words.
    """
    table = load_table()
    rows, entries = _answered(named)
    notes = [f"images are named by {named.column} ({named.kind})", *said.notes]
    notes += _left_out(table, named)
    known = (table.usage[entries] > 0) & (table.label[entries] != UNKNOWN)
    if not known.any():
        notes += filter(None, [_shift(table, named, entries, Said(said.y[rows], None))])
        raise DataError(
            " ".join([f"{whose} has no answer for an image of val or test:", *notes]) + "."
        )
    rows, entries = rows[known], entries[known]
    said = Said(said.y[rows], None if said.p is None else said.p[rows])
    notes += _order_notes(table, named, entries, said)
    twins = table.folder_twins if named.kind == "file" else table.csv_twins
    parts = {
        usage: made
        for k, usage in enumerate(SCORED, start=1)
        if (made := _parts(table, entries, said, table.usage[entries] == k, twins))
    }
    notes += [note for usage in parts if (note := _missing(table, entries, usage))]
    notes += _choice(parts) + _by_heart(parts)
    return Scored(parts, entries, said, twins, tuple(notes))


def _answered(named: Named) -> tuple[NDArray[np.int64], Entries]:
    """Rows and the entries that they answer for, copies of one picture among them."""
    rows = np.flatnonzero(named.entries != UNKNOWN)
    copies = np.array(list(named.copies.items()), np.int64).reshape(-1, 2)
    return np.append(rows, copies[:, 1]), np.append(named.entries[rows], copies[:, 0])


def _parts(
    table: Table, entries: Entries, said: Said, here: NDArray[np.bool_], twins: Entries
) -> dict[str, Figures]:
    own = table.label[entries].astype(np.int64)
    majority = clear_majority(table.votes)[entries]
    seen = np.isin(twins[entries], twins[table.usage == 0])
    truths = {
        "": (own, here),
        WITHOUT_TWINS: (own, here & ~seen),
        BY_FERPLUS: (majority, here & (majority != UNKNOWN)),
        BOTH_AGREE: (own, here & (majority == own)),
        THEY_DIFFER: (own, here & (majority != UNKNOWN) & (majority != own)),
    }
    return {
        name: figures(
            y[rows], said.y[rows], None if said.p is None else said.p[rows], twins[entries[rows]]
        )
        for name, (y, rows) in truths.items()
        if rows.any()
    }


def _left_out(table: Table, named: Named) -> list[str]:
    """What of the file is not scored."""
    entries = named.entries[named.entries != UNKNOWN]
    trained = int((table.usage[entries] == 0).sum())
    unlabelled = int(((table.usage[entries] > 0) & (table.label[entries] == UNKNOWN)).sum())
    unknown = int((named.entries == UNKNOWN).sum())
    notes = []
    if unknown:
        row = int(np.argmax(named.entries == UNKNOWN)) + 2
        notes.append(f"{unknown:,} rows do not name an image of FER-2013 (the first is row {row})")
    if trained:
        notes.append(f"{trained:,} answers are for training images: not scored")
    if unlabelled:
        notes.append(
            f"{unlabelled:,} answers are for rows of fer2013.csv without a face, whose labels this "
            "table does not know: not scored"
        )
    return notes


def _order_notes(table: Table, named: Named, entries: Entries, said: Said) -> list[str]:
    order = find_order(table.label[entries].astype(np.int64), said.y)
    if order.swapped:
        told = ", ".join(f"'{said}' means {meant}" for said, meant in order.swapped.items())
        return [f"CLASSES IN ANOTHER ORDER? {told}: check the names of the columns"]
    if not order.shuffled:
        return []
    elsewhere = _shift(table, named, entries, said)
    return [
        elsewhere or "ROWS IN ANOTHER ORDER? the answers fit their images no better than guesses"
    ]


def _shift(table: Table, named: Named, entries: Entries, said: Said) -> str:
    """Where the rows were counted from, if that explains the answers; else ''."""
    for shift in _SHIFTS if named.kind == "row" else ():
        moved = entries + shift
        legal = (entries < N_ROWS) & (moved >= 0) & (moved < N_ROWS)
        legal[legal] = table.label[moved[legal]] != UNKNOWN
        y = table.label[moved[legal]].astype(np.int64)
        counts = np.bincount(y * 7 + said.y[legal], minlength=49).reshape(7, 7)
        if legal.any() and diagonal(counts) > _FOUND:
            return f"ROWS COUNTED FROM ELSEWHERE? the answers fit the rows {shift:+,} from these"
    return ""


def _missing(table: Table, entries: Entries, usage: str) -> str | None:
    """Which images of a usage have no answer."""
    whole = np.flatnonzero((table.usage == USAGES.index(usage)) & (table.label != UNKNOWN))
    missing = np.setdiff1d(whole, entries)
    if not len(missing):
        return None
    ids, rows = table.source_ids(), table.row
    shown = ", ".join(
        f"{ids[k]}.jpg" + (f" (row {rows[k]})" if rows[k] != UNKNOWN else "")
        for k in missing[:_SHOWN].tolist()
    )
    more = ", ..." if len(missing) > _SHOWN else ""
    return f"{usage}: {len(missing):,} of {len(whole):,} images have no answer: {shown}{more}"


def _choice(parts: dict[str, dict[str, Figures]]) -> list[str]:
    """Whether one of the splits reads higher than the scatter of both allows."""
    if len(parts) < len(SCORED):
        return []
    public, private = (parts[usage][""] for usage in SCORED)
    gap = public.accuracy - private.accuracy
    scatter = np.hypot(public.high - public.low, private.high - private.low) / (2 * Z_975)
    if abs(gap) <= Z_975 * scatter:
        return []
    higher = SCORED[0] if gap > 0 else SCORED[1]
    return [
        f"the accuracy on {higher} is {abs(gap):.3f} higher than on the other, more than their "
        "scatter: it may have chosen the model, or been trained on"
    ]


def _by_heart(parts: dict[str, dict[str, Figures]]) -> list[str]:
    """Which splits' labels the answers repeat though most people see something else."""
    notes = []
    for usage, part in parts.items():
        found = part.get(THEY_DIFFER)
        if found and is_by_heart(found.low):
            notes.append(
                f"TRAINED ON {usage.upper()}? where most people see something else than the label "
                f"says, {100 * found.accuracy:.0f} % of the answers are the label. Systems that "
                "were not trained on it give it in less than 45 %"
            )
    return notes


def class_rows(found: Figures) -> list[tuple[str, float, float, float, int]]:
    """Class, precision, recall, F1 and images, in FER-2013's order."""
    return [
        (name, precision, recall, f1, int(n))
        for name, (precision, recall, f1, n) in zip(
            FER2013_LABELS, found.per_class.tolist(), strict=True
        )
    ]
