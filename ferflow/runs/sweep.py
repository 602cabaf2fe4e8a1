"""`ferflow sweep`: a preset's variations compared on validation rows.

A preset names its axes in `sweep`, each a list of settings; every combination is run through DVC
with val alone in `evaluate.splits`. What has run is in DVC's cache, so an interrupted sweep goes
on where it was. Paper 2 compares optimisers and learning-rate schedules so.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.files import read_json
from ferflow.core.params import read_yaml
from ferflow.core.paths import SCORES, TRAIN
from ferflow.core.pipeline import Pipeline
from ferflow.core.tables import read_table, write_table
from ferflow.runs.jobs import Job, kept_params, run_chain
from ferflow.settings.presets import PRESETS, compose, load_preset, params_text, preset_names

SWEEPS = Path("reports/sweeps")
_EPOCHS = ("epoch_chosen", "epochs")  # of networks
_SCORES = ("accuracy", "accuracy_low", "accuracy_high", "f1_macro", "log_loss")
_RESULTS = (*_SCORES, *_EPOCHS)


def sweep_axes(preset: str) -> list[list[dict[str, Any]]]:
    """The axes of a preset: lists of settings (dotted key -> value). ParamError if it has none."""
    load_preset(preset)
    axes: list[list[dict[str, Any]]] = read_yaml(PRESETS / f"{preset}.yaml").get("sweep", [])
    if not axes:
        having = [name for name in preset_names() if "sweep" in read_yaml(PRESETS / f"{name}.yaml")]
        raise ParamError(
            f"the preset '{preset}' has no variations to compare. These presets have some: "
            f"{', '.join(having) or 'none here'}."
        )
    return axes


def sweep(preset: str, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Run every combination, write the table, and return it, the best on val first.

    MLflow gets the runs below one of their own.

    settings : dotted key -> value, for every run.
    Raises FerflowError, and writes no table, if every run fails.
    """
    rows: list[dict[str, Any]] = []
    members: dict[str, str] = {}  # fingerprint of a run -> its settings
    variations = [
        {key: value for part in parts for key, value in part.items()}
        for parts in product(*sweep_axes(preset))
    ]
    with kept_params():
        for k, variation in enumerate(variations):
            name = ", ".join(str(value) for value in variation.values())
            print(f"{preset} {k + 1} of {len(variations)}: {name}", flush=True)
            row = _run(preset, {**settings, **variation}, name)
            rows.append(short(variation) | row)
            if row["accuracy"] is not None:
                members[_fingerprint()] = name
    if all(row["accuracy"] is None for row in rows):
        raise FerflowError(
            f"all {len(rows)} variations of '{preset}' failed; the reasons are above. No table is "
            "written."
        )
    table = pd.DataFrame(rows).sort_values("accuracy", ascending=False, kind="stable")
    scored = [key for key in _RESULTS if table[key].notna().any()]
    table = table[[*_settings(table), *scored]]
    write_table(SWEEPS / f"{preset}.csv", table)
    _track(preset, table, members)
    return table


def read_sweep(preset: str) -> pd.DataFrame | None:
    """The table of a preset's last sweep, the best first; None if there is none."""
    path = SWEEPS / f"{preset}.csv"
    return read_table(path, "table of variations") if path.exists() else None


def short(variation: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under the last word of their keys."""
    return {key.rpartition(".")[2]: value for key, value in variation.items()}


def in_short(table: pd.DataFrame) -> pd.DataFrame:
    """A sweep's table to be shown, as text: what differs, scores, epochs."""
    differing = [name for name in _settings(table) if table[name].nunique(dropna=False) > 1]
    epochs = [name for name in _EPOCHS if name in table.columns]
    shown = [*differing, "accuracy", "f1_macro", *epochs]
    return pd.DataFrame({name: [_cell(name, value) for value in table[name]] for name in shown})


def _settings(table: pd.DataFrame) -> list[str]:
    """The columns of what was varied; empty if a variation names no value for it."""
    return [name for name in table.columns if name not in _RESULTS]


def _cell(column: str, value: Any) -> str:
    if pd.isna(value):
        return "failed" if column in _RESULTS else "none"
    if isinstance(value, float):
        return f"{value:.3f}" if column in _SCORES else f"{value:.4g}"
    return str(value)


def _run(preset: str, settings: dict[str, Any], name: str) -> dict[str, Any]:
    """The scores on val of one combination; a run that fails, as a diverged one does, is empty."""
    params = compose(preset, settings | {"evaluate.splits": ["val"]})
    try:
        run_chain(Job(name, params_text(params)))
    except FerflowError as error:
        print(error, flush=True)
        return dict.fromkeys(_RESULTS)
    scores, story = read_json(SCORES)["val"], read_json(TRAIN)["train"]
    epochs = {key: story.get(key) for key in _EPOCHS}
    return {score: scores[score] for score in _SCORES} | epochs


def _fingerprint() -> str:
    """Of the run that has just ended."""
    return Pipeline().lock_fingerprint()


def _track(preset: str, table: pd.DataFrame, members: Mapping[str, str]) -> None:
    from ferflow.documents.render import Grid
    from ferflow.runs.parents import track_sweep  # MLflow takes seconds

    shown = in_short(table)
    track_sweep(preset, table, Grid([*shown], shown.to_numpy().tolist()), members)
