"""Repeats and sweeps in MLflow: their runs below one of their own, which holds the summary."""

import sys
from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from ferflow.core.errors import FerflowError
from ferflow.documents.render import Grid, render
from ferflow.records.record import RunRecord, group_name, summarise
from ferflow.tracking.groups import Group, track_group
from ferflow.tracking.headline import FIGURES, SECONDS, in_words

_SPREAD = ("mean", "sd", "low", "high")  # of a summary: see `ferflow.records.record.over_runs`


def track_repeat(records: list[RunRecord], what: str) -> None:
    """Put a preset's runs, which differ in `what` alone (seeds or folds), below one of their own.

    Its headline figures are their means. Where MLflow cannot be reached, a warning says so.
    """
    first, scores = records[0], summarise(records)["scores"]
    known = {
        name: scores[split][score]
        for name, (split, score) in FIGURES.items()
        if score in scores.get(split, {})
    }
    figures = {name: spread["mean"] for name, spread in known.items()}
    figures |= {
        f"{split}/{score}/{word}": float(spread[word])
        for split, by_score in scores.items()
        for score, spread in by_score.items()
        for word in _SPREAD
    }
    seconds = [record.seconds for record in records if record.seconds is not None]
    if len(seconds) == len(records):
        figures[SECONDS] = sum(seconds)
    name = group_name(first)
    rows = [
        (in_words(key), *(f"{spread[word]:.3f}" for word in _SPREAD))
        for key, spread in known.items()
    ]
    note = render(
        "group.md.j2",
        summary=f"{len(records)} {what} of {name}: the mean of each figure, its standard deviation "
        "over the runs, and the bounds of the mean's 95 % interval. The figures of this run are "
        "the means.",
        figures=Grid(["figure", *_SPREAD], rows),
    )
    word = "seed" if what == "seeds" else "fold"
    members = {r.run: f"{word} {getattr(r, word)}" for r in records if r.run}
    title = f"{name}, {len(records)} {what}"
    group = Group(f"{what} of {name}", title, first.preset, members, figures, note)
    track(partial(track_group, group))


def track_sweep(preset: str, table: pd.DataFrame, shown: Grid, members: Mapping[str, str]) -> None:
    """Put a sweep's runs below one of their own, whose figures are the best's on val.

    table : as `sweep` returns it. shown : the same for people. members : fingerprint of a run ->
    its settings. Where MLflow cannot be reached, a warning says so.
    """
    accuracies = table["accuracy"].dropna()
    best = table.iloc[0]
    figures = {
        name: float(best[score])
        for name, (split, score) in FIGURES.items()
        if split == "val" and score in table
    }
    figures |= {
        "sweep/runs": float(len(table)),
        "sweep/failed": float(len(table) - len(accuracies)),
        "sweep/accuracy_val_lowest": float(accuracies.min()),
        "sweep/accuracy_val_median": float(accuracies.median()),
    }
    note = render(
        "group.md.j2",
        summary=f"{len(table)} variations of {preset}, compared on val. The figures of this run "
        "are those of the best, which val chose: other images would give it lower ones.",
        figures=shown,
    )
    title = f"{preset}, {len(table)} variations"
    track(partial(track_group, Group(f"sweep of {preset}", title, preset, members, figures, note)))


def track(put: Callable[[], str]) -> None:
    """Put results into MLflow; a warning where it is out of reach, for they are there without it.

    put : puts them there and says so; a FerflowError of it is the warning's reason.
    """
    try:
        print(put())
    except FerflowError as error:
        print(f"warning: not in MLflow ({error}) The same command tries again.", file=sys.stderr)
