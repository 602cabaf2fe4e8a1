"""`ferflow score --record`: answers of others as a record that compare and ensemble take."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.hashing import image_number
from ferflow.core.params import repository_root
from ferflow.evaluation.protocol import OWN_LABELS
from ferflow.fer2013.labels import FER2013_LABELS, FER2013_SPLITS
from ferflow.fer2013.table import USAGES, load_table
from ferflow.records import machine
from ferflow.records.compact import Answers, first_rows
from ferflow.records.from_answers import record_answers
from ferflow.records.record import SCORED, WORD, check_name
from ferflow.records.whose_labels import without_known_twins
from ferflow.score.figures import N_BINS
from ferflow.score.score import Scored


def keep(
    scored: Scored,
    name: str,
    about: Mapping[str, str] | None = None,
    model: Mapping[str, Any] | None = None,
) -> str:
    """Save the answers as a record of that name; returns what the commands call it.

    A label alone becomes a probability of 1. Images bear the folder edition's names, so that they
    pair with records on it. about : what the user says of the answers. model : what was measured
    of the model that was run here; None for a file of answers.
    """
    check_name(name)
    os.chdir(repository_root())
    if not Path("dvc.yaml").exists():
        raise FerflowError("--record needs a ferflow repository: change into one.")
    whose = "in a file, as handed in" if model is None else "of a model that was run here"
    answers = answers_of(scored)
    record = record_answers(
        answers,
        N_BINS,
        apart=without_known_twins(answers, scored.twins),
        preset=SCORED,
        variant=name,
        protocol={
            "data_set": "FER-2013",
            "split": f"official ({', '.join(FER2013_SPLITS)})",
            "labels": OWN_LABELS,
            "classes": list(FER2013_LABELS),
            "answers": f"{whose}: what it was trained and chosen on is not known here",
            "probabilities": scored.said.p is not None,
            "about": dict(about or {}),
        },
        stages={} if model is None else {"model": dict(model)},
        hardware={} if model is None else machine.hardware(),
        versions={} if model is None else machine.versions(),
    )
    return record.name


def parse_about(words: Sequence[str]) -> dict[str, str]:
    """'KEY=TEXT' each -> what a record says about its answers; ParamError for anything else."""
    found = {}
    for text in words:
        key, equals, value = text.partition("=")
        if not equals or not WORD.fullmatch(key) or not value.strip() or key in found:
            raise ParamError(
                "--about is KEY=TEXT, each key once, of a-z, 0-9, '.', '-' and '_', such as "
                f"--about licence=MIT; got {text[:80]!r}."
            )
        found[key] = value.strip()
    return found


def answers_of(scored: Scored) -> dict[str, Answers]:
    """Split -> the answers as a record keeps them."""
    table = load_table()
    ids = table.source_ids()
    p = scored.said.p
    if p is None:
        p = np.eye(len(FER2013_LABELS))[scored.said.y]
    found = {}
    for usage, split in FER2013_SPLITS.items():
        rows = np.flatnonzero(table.usage[scored.entries] == USAGES.index(usage))
        if len(rows):
            entries = scored.entries[rows]
            image = np.array([image_number(ids[k]) for k in entries.tolist()], np.int64)
            order = np.argsort(image)
            found[split] = Answers(
                image[order],
                table.label[entries[order]].astype(np.int64),
                p[rows[order]],
                list(FER2013_LABELS),
                first_rows(scored.twins[entries[order]]),
            )
    return found
