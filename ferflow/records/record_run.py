"""`ferflow record`: the last finished run as a record in Git."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ferflow.core.costs import find_costs
from ferflow.core.errors import FerflowError
from ferflow.core.files import read_json
from ferflow.core.git import code_commit
from ferflow.core.image_steps import in_units
from ferflow.core.params import flatten, read_yaml
from ferflow.core.paths import METRICS, PREDICTIONS, SCORES, TABLES
from ferflow.core.pipeline import Pipeline
from ferflow.core.tables import read_table
from ferflow.evaluation.predictions import read_predictions
from ferflow.records import machine
from ferflow.records.compact import compact
from ferflow.records.record import (
    MISTAKE,
    RunRecord,
    Scores,
    check_name,
    save_figures,
    save_record,
)
from ferflow.records.resampling import intervals
from ferflow.settings.presets import DEFAULTS, load_preset

# The record's own columns hold the first two; the others say where the same thing lies.
BACKBONES = ("features.backbone", "train.network.options.backbone")
TEACHERS = "train.network.teachers"
NO_EDITS = ("preset", "seed", "data.path", "data.sha256", *(f"{key}_sha256" for key in BACKBONES))


def record_run(name: str | None = None, trained_on: dict[str, str] | None = None) -> RunRecord:
    """Store the last finished run; a record of the same preset, seed and variant is replaced.

    name : the variant's name, instead of a hash of the parameters that differ from the preset.
    trained_on : torch's version and perhaps 'gpu', of another machine that trained the network.
    Raises FerflowError if the files are not those of one finished run of the present code.
    """
    if name is not None:
        check_name(name)
    pipeline = Pipeline()
    about = _about(pipeline)
    if trained_on is not None:
        about["versions"]["torch"] = trained_on["torch"]
        about["hardware"] |= {key: value for key, value in trained_on.items() if key == "gpu"}
    answers = compact(read_predictions(PREDICTIONS))
    scores = read_json(SCORES)
    record = RunRecord(
        **about | {"variant": name or about["variant"]},
        metrics={split: score for split, score in scores.items() if split != "protocol"},
        intervals={split: intervals(rows) for split, rows in answers.items()},
        protocol=scores["protocol"],
        predictions_sha256="",
        stages={p.stem: read_json(p) for p in sorted(METRICS.glob("*.json")) if p != SCORES},
        training=read_curves(TABLES / "training.csv"),
        costs=find_costs(pipeline),
    )
    return save_record(record, answers, pipeline.params["evaluate"]["calibration_bins"])


def record_mistake(name: str, scores: dict[str, Any]) -> RunRecord:
    """Store what a mistake made of the last finished run: only figures, none of them a result.

    scores : of `mistaken_scores`. Raises FerflowError as `record_run` does.
    """
    numbers: Scores = {
        key: value
        for key, value in scores.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    record = RunRecord(
        **_about(Pipeline()),
        mistake=name,
        metrics={MISTAKE: numbers},
        intervals={},
        protocol={"is_a_result": False, "what": scores["what"]},
        predictions_sha256="",
    )
    return save_figures(record)


def _about(pipeline: Pipeline) -> dict[str, Any]:
    """What the last finished run is, and where it was made."""
    pipeline.check_finished()
    params, code = pipeline.params, pipeline.code_fingerprint()
    if code != pipeline.locked_code_fingerprint():
        raise FerflowError("the code has changed since the last run. Run `dvc repro` first.")
    fold, n_folds = fold_of(params)
    return {
        "preset": params["preset"],
        "variant": variant_of(params),
        "seed": params["seed"],
        "fold": fold,
        "n_folds": n_folds,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "params": public_params(params),
        "data": pipeline.data_fingerprint(),
        "code": code,
        "run": pipeline.lock_fingerprint(),
        "commit": code_commit(),
        "versions": machine.versions(),
        "hardware": machine.hardware(params),
    }


def public_params(params: dict[str, Any]) -> dict[str, Any]:
    """Dotted key -> value; a place on the user's machine is told by its last name alone.

    What lies there is told by the sha256 beside it. Steps of augmentation have today's names.
    """
    flat = in_units({key: _public(value) for key, value in flatten(params).items()})
    for key in BACKBONES:
        if flat.get(f"{key}_sha256"):
            flat[key] = Path(flat[key]).name
    if flat.get("data.path"):
        flat["data.path"] = Path(flat["data.path"]).name
    return flat


def variant_of(params: dict[str, Any]) -> str | None:
    """What tells a run from its preset as it is, apart from seed and fold; None for nothing.

    '5-folds' where the preset's own splits became folds, six digits that stand for all other
    edits, or both.
    """
    edits = edits_of(params)
    words = []
    if params["data"]["split"] == "kfold":
        edits.pop("data.fold", None)
        if edits.pop("data.split", None) or "data.n_folds" in edits:
            edits.pop("data.n_folds", None)
            words.append(f"{params['data']['n_folds']}-folds")
    if edits:
        words.append(hashlib.sha256(json.dumps(edits, sort_keys=True).encode()).hexdigest()[:6])
    return "-".join(words) or None


def fold_of(params: dict[str, Any]) -> tuple[int | None, int | None]:
    """(fold, number of folds) of a cross-validation, (None, None) of any other splits."""
    data = params["data"]
    return (data["fold"], data["n_folds"]) if data["split"] == "kfold" else (None, None)


def read_curves(path: Path) -> dict[str, list[int | float | None]]:
    """Column -> values of a table of curves; an empty one if there are none."""
    table = read_table(path)
    if table.empty:
        return {}
    whole = table.astype(object).where(table.notna(), None)
    return {str(name): whole[name].tolist() for name in whole}


def edits_of(params: dict[str, Any]) -> dict[str, Any]:
    """Dotted key -> value of what differs from the preset, apart from the seed and from places."""
    expected = in_units(flatten(read_yaml(DEFAULTS)) | load_preset(params["preset"]).overlay)
    found = public_params(params)
    for key in BACKBONES:
        if found.get(f"{key}_sha256") and key in expected:
            # a local copy of the network that the hub names
            expected[key] = Path(str(expected[key])).name
    if found.get(TEACHERS) == expected.get(TEACHERS):
        # as `ferflow use` wrote it
        expected[f"{TEACHERS}_sha256"] = found.get(f"{TEACHERS}_sha256")
    return {
        key: value
        for key, value in found.items()
        if key not in NO_EDITS and (key not in expected or expected[key] != value)
    }


def _public(value: Any) -> Any:
    if isinstance(value, list):
        return [_public(item) for item in value]
    is_place = isinstance(value, str) and value.startswith(("/", "~", "./", "../"))
    return Path(value).name if is_place else value
