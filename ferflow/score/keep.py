"""`ferflow score --record`: answers of others as a record that compare and ensemble take."""

import os
from pathlib import Path

import numpy as np

from ferflow.core.errors import FerflowError
from ferflow.core.hashing import image_number
from ferflow.core.params import repository_root
from ferflow.evaluation.protocol import OWN_LABELS
from ferflow.fer2013.labels import FER2013_LABELS, FER2013_SPLITS
from ferflow.fer2013.table import USAGES, load_table
from ferflow.records.compact import Answers, first_rows
from ferflow.records.from_answers import record_answers
from ferflow.records.record import check_name
from ferflow.score.figures import N_BINS
from ferflow.score.score import Scored

PRESET = "scored"  # the folder of records that are answers of others


def keep(scored: Scored, name: str) -> str:
    """Save the answers as a record of that name; returns what the commands call it.

    A label alone becomes a probability of 1. Images bear the folder edition's names, so that they
    pair with records on it.
    """
    check_name(name)
    os.chdir(repository_root())
    if not Path("dvc.yaml").exists():
        raise FerflowError("--record keeps answers in a ferflow repository; this is none.")
    record = record_answers(
        _answers(scored),
        N_BINS,
        preset=PRESET,
        variant=name,
        protocol={
            "data_set": "FER-2013",
            "split": f"official ({', '.join(FER2013_SPLITS)})",
            "labels": OWN_LABELS,
            "classes": list(FER2013_LABELS),
            "answers": "of others, as handed in: who chose and trained on what is not known here",
            "probabilities": scored.said.p is not None,
        },
    )
    return record.name


def _answers(scored: Scored) -> dict[str, Answers]:
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
                first_rows(table.folder_twins[entries[order]]),
            )
    return found
