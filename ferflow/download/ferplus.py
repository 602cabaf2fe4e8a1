"""FER+'s labels instead of FER-2013's: ten people's votes for each image.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression recognition
with crowd-sourced label distribution", ICMI 2016. The votes are in `ferflow.fer2013`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.rows import Taken, scratch_copy
from ferflow.core.split import Split
from ferflow.download.collection import Collection, count_differences, counts_agree
from ferflow.download.labels import FER_PLUS_OFFER
from ferflow.download.params import DataParams
from ferflow.fer2013.join import find_entries
from ferflow.fer2013.labels import FER2013_LABELS, FERPLUS_COLUMNS
from ferflow.fer2013.table import UNKNOWN, Table, class_names, clear_majority, load_table, shares
from ferflow.images.faces import Pictures, small_grey

WHOSE = "FER+, clear majority of ten votes"  # by which scores are, however a network learnt
_LEAST_JOINED = 0.5  # of the images; below it they are not FER-2013's

Mask = NDArray[np.bool_]


def with_chosen_labels(
    collection: Collection, params: DataParams
) -> tuple[Collection, dict[str, Any]]:
    """The images under the labels of `data.labels`, and what metrics/data.json says of that.

    Images without a clear majority in FER+ are left out. Raises DataError where fewer than half
    of the images are FER-2013's.
    """
    if params.labels == "source":
        return collection, {}
    rows, table, contempt = collection.rows, load_table(), params.ferplus_contempt
    own = own_labels(rows)
    entries = find_entries(table, rows.source_id.tolist(), own, small_grey(rows.x))
    _check_joined(params, entries)
    votes = np.where((entries != UNKNOWN)[:, None], table.votes[entries], 0).astype(np.uint8)
    y = clear_majority(votes, contempt=contempt)
    kept = y != UNKNOWN
    left_out = {
        reason: int(mask.sum()) for reason, mask in _reasons(votes, kept, contempt=contempt).items()
    }
    labelled = replace(
        rows.take(kept, x=_pictures(rows.x, kept)),
        y=y[kept],
        labels=class_names(contempt=contempt),
        meta=rows.meta | {"whose_labels": WHOSE},
    )
    if params.labels == "ferplus_votes":
        labelled = replace(labelled, targets=shares(votes[kept], contempt=contempt))
    report = {  # counts are the source's own: of these labels there are no official ones
        "official_counts": counts_agree(collection),
        "warnings": count_differences(collection),
        "ferplus": {
            "n_joined": int((entries != UNKNOWN).sum()),
            "left_out": left_out,
            "agreement": _agreement(collection, table, entries, y, own),
        },
    }
    told = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
    note = f"FER+: {kept.sum():,} images stay; left out: {told}"
    made = replace(
        collection,
        rows=labelled,
        usage=collection.usage[kept],
        official_counts={},
        notes=(*(n for n in collection.notes if n != FER_PLUS_OFFER), note),
    )
    return made, report


def own_labels(rows: Split) -> NDArray[np.int64]:
    """(n,) the source's labels as indices into FER2013_LABELS."""
    names = [FER2013_LABELS.index(n) if n in FER2013_LABELS else UNKNOWN for n in rows.labels]
    return np.asarray(np.array(names)[rows.y], dtype=np.int64)


def _pictures(pictures: Pictures, kept: Mask) -> Pictures:
    """The pictures that are kept (n,), not in memory unless they are files."""
    if pictures.dtype == np.dtype(object):
        return pictures[kept]
    return scratch_copy(Taken(pictures, np.flatnonzero(kept)))


def _check_joined(params: DataParams, entries: NDArray[np.int64]) -> None:
    joined = int((entries != UNKNOWN).sum())
    if joined < _LEAST_JOINED * len(entries):
        raise DataError(
            f"data.labels: {params.labels} needs FER-2013's own images; of {len(entries):,} here, "
            f"{joined:,} are known by name, row or pixels. Legal for data.path: msambare/fer2013, "
            "fer2013.csv, or their pictures in other folders. Otherwise set data.labels to source."
        )


def _reasons(votes: NDArray[np.uint8], kept: Mask, *, contempt: bool) -> dict[str, Mask]:
    """Why images leave, each for one reason."""
    most = votes.max(axis=1, keepdims=True)
    leads, winner = votes == most, votes.argmax(axis=1)
    unasked = most[:, 0] == 0
    alone = ~unasked & (leads.sum(axis=1) == 1)
    reasons = {"without votes": unasked, "with two answers in the lead": ~unasked & ~alone}
    for column in range(len(class_names(contempt=contempt)), len(FERPLUS_COLUMNS)):
        name = FERPLUS_COLUMNS[column].replace("NF", "no face")
        reasons[f"called {name}"] = alone & (winner == column)
    assert not (np.any(list(reasons.values()), axis=0) & kept).any()
    return reasons


def _agreement(
    collection: Collection,
    table: Table,
    entries: NDArray[np.int64],
    y: NDArray[np.int64],
    own: NDArray[np.int64],
) -> dict[str, dict[str, float]]:
    """Part of the source ('all' where it has none) -> how often both labels agree.

    n, the images with votes; in_lead, the share of them whose own label nobody outvotes; n_clear,
    those with a clear majority; equal, the share of these whose own label it is.
    """
    voted = (entries != UNKNOWN) & (own != UNKNOWN) & (table.votes[entries].sum(axis=1) > 0)
    votes = table.votes[entries]
    in_lead = votes[np.arange(len(votes)), own] == votes.max(axis=1)
    clear = voted & (y != UNKNOWN)
    found = {}
    for part in collection.splits or ["all"]:
        here = collection.usage == part if collection.splits else np.ones(len(y), np.bool_)
        found[part] = {
            "n": int((voted & here).sum()),
            "in_lead": _share(in_lead, voted & here),
            "n_clear": int((clear & here).sum()),
            "equal": _share(own == y, clear & here),
        }
    return found


def _share(true: Mask, among: Mask) -> float:
    return float(true[among].mean()) if among.any() else 0.0
