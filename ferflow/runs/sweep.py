"""`ferflow sweep`: a preset's variations compared on validation rows.

A preset names its axes in `sweep`, each a list of settings; every combination is run through DVC
with val alone in `evaluate.splits`. What has run is in DVC's cache, so an interrupted sweep goes
on where it was. Paper 2 compares optimisers and learning-rate schedules so.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.files import read_json, write_json
from ferflow.core.params import read_yaml, repository_root
from ferflow.core.paths import SCORES, SCRATCH, TRAIN
from ferflow.core.pipeline import Pipeline
from ferflow.core.tables import read_table, write_table
from ferflow.runs.jobs import Job, kept_params, one_command, run_chain
from ferflow.settings.presets import PRESETS, compose, load_preset, params_text, preset_names

SWEEPS = Path("reports/sweeps")
_EPOCHS = ("epoch_chosen", "epochs")  # of networks
_SCORES = ("accuracy", "accuracy_low", "accuracy_high", "f1_macro", "log_loss")
_RESULTS = (*_SCORES, *_EPOCHS)
_Ran = tuple[dict[str, Any], str | None]  # scores on val, and the run's fingerprint
_FAILED: _Ran = (dict.fromkeys(_RESULTS), None)


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


def sweep(preset: str, settings: Mapping[str, Any], cluster: str | None = None) -> pd.DataFrame:
    """Run every combination, write the table, and return it, the best on val first.

    MLflow gets the runs below one of their own.
    settings : dotted key -> value, for every run. cluster : the address of a Dask scheduler whose
    workers run them, see `ferflow.runs.cluster`.
    Raises FerflowError, and writes no table, if every run fails.
    """
    variations = [
        {key: value for part in parts for key, value in part.items()}
        for parts in product(*sweep_axes(preset))
    ]
    jobs = [_job(preset, {**settings, **variation}, variation) for variation in variations]
    ran = _run_here(preset, jobs) if cluster is None else _run_there(jobs, cluster)
    rows = [short(v) | row for v, (row, _) in zip(variations, ran, strict=True)]
    members = {run: job.name for job, (_, run) in zip(jobs, ran, strict=True) if run is not None}
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


def _job(preset: str, settings: dict[str, Any], variation: Mapping[str, Any]) -> Job:
    params = compose(preset, settings | {"evaluate.splits": ["val"]})
    return Job(", ".join(str(value) for value in variation.values()), params_text(params))


def _run_here(preset: str, jobs: list[Job]) -> list[_Ran]:
    """Each job's scores, one run after another; a run that fails, as a diverged one does, is empty.

    params.yaml is put back.
    """
    ran: list[_Ran] = []
    with kept_params():
        for k, job in enumerate(jobs):
            print(f"{preset} {k + 1} of {len(jobs)}: {job.name}", flush=True)
            try:
                run_chain(job)
            except FerflowError as error:
                print(error, flush=True)
                ran.append(_FAILED)
                continue
            row = _row(read_json(SCORES), read_json(TRAIN))
            ran.append((row, Pipeline().lock_fingerprint()))
    return ran


def _run_there(jobs: list[Job], cluster: str) -> list[_Ran]:
    """As `_run_here`, on a cluster. What has come home is kept in the scratch folder meanwhile."""
    from ferflow.runs.cluster import run_there
    from ferflow.runs.on_worker import FINGERPRINT, SCORED

    kept = {job: _kept(job) for job in jobs}  # two may have one name
    with one_command():
        waiting = [job for job in jobs if not kept[job].exists()]
        for job, files in run_there(cluster, waiting, SCORED) if waiting else ():
            if isinstance(files, FerflowError):
                print(f"{job.name}: {files}", flush=True)
                continue
            scores, train = (json.loads(files[path.name]) for path in (SCORES, TRAIN))
            row = _row(scores, train)
            write_json(kept[job], {"row": row, "run": files[FINGERPRINT].decode()})
            print(f"{job.name}: accuracy {row['accuracy']:.3f} on val", flush=True)
    found = {job: read_json(path) for job, path in kept.items() if path.exists()}
    return [(found[job]["row"], found[job]["run"]) if job in found else _FAILED for job in jobs]


def _kept(job: Job) -> Path:
    """Where a job's scores lie that came from a cluster: by its parameters and the code."""
    about = f"{Pipeline(job.params).code_fingerprint()}\n{job.text}"
    name = sha256(about.encode()).hexdigest()[:16]
    return repository_root() / SCRATCH / "sweeps" / f"{name}.json"


def _row(scores: dict[str, Any], train: dict[str, Any]) -> dict[str, Any]:
    """The scores on val of one combination, and the epochs of a network."""
    epochs = {key: train["train"].get(key) for key in _EPOCHS}
    return {score: scores["val"][score] for score in _SCORES} | epochs


def _track(preset: str, table: pd.DataFrame, members: Mapping[str, str]) -> None:
    from ferflow.documents.render import Grid
    from ferflow.runs.parents import track_sweep  # MLflow takes seconds

    shown = in_short(table)
    track_sweep(preset, table, Grid([*shown], shown.to_numpy().tolist()), members)
