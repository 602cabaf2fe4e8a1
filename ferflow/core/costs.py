"""Seconds and peak memory of each stage, kept where they cannot change a result.

A time in an output would make every run differ from the last, so costs lie in the scratch
folder, under the fingerprint of the stage that ran; MLflow and the records take them from there.
"""

import math
from pathlib import Path

from ferflow.core.errors import DataError
from ferflow.core.files import read_json, write_json
from ferflow.core.params import repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.pipeline import STAGES, Pipeline
from ferflow.core.system import peak_memory_mb


def record_cost(stage: str | None, seconds: float) -> None:
    """Note what a stage of dvc.yaml cost; run by hand (None), nothing."""
    if stage is None:
        return
    cost = {"seconds": round(seconds, 3), "peak_memory_mb": round(peak_memory_mb(), 1)}
    write_json(_file(stage, Pipeline().stage_fingerprint(stage)), cost)


def find_costs(pipeline: Pipeline) -> dict[str, dict[str, float]]:
    """Stage -> the cost of the run that made its entry in dvc.lock, where it ran here."""
    return {stage: cost for stage in STAGES if (cost := find_cost(pipeline, stage))}


def find_cost(pipeline: Pipeline, stage: str) -> dict[str, float] | None:
    """The cost of the run that made a stage's entry in dvc.lock, or None where it ran elsewhere."""
    file = _file(stage, pipeline.locked_stage_fingerprint(stage))
    try:
        cost = read_json(file)
        return cost if math.isfinite(cost["seconds"]) else None
    except (DataError, KeyError, TypeError):  # missing, or damaged: it is safe to delete
        return None


def _file(stage: str, fingerprint: str) -> Path:
    return repository_root() / SCRATCH / "costs" / f"{stage}-{fingerprint}.json"
