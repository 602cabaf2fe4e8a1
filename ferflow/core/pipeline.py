"""Seconds and peak memory of each stage, kept where they cannot change a result.

A time in an output would make every run differ from the last, so costs lie in the scratch
folder, under the fingerprint of the stage that ran; MLflow takes them from there.
"""

import hashlib
import json
import re
import resource
import sys
from pathlib import Path
from typing import Any

from ferflow.core.files import read_json, write_json
from ferflow.core.params import PARAMS_FILE, read_yaml, repository_root
from ferflow.core.yaml_text import parse_yaml

SCRATCH = Path(".ferflow")  # ignored by Git, safe to delete
LOCK_FILE = Path("dvc.lock")
PIPELINE_FILE = Path("dvc.yaml")


def record_cost(stage: str | None, seconds: float) -> None:
    """Note what a stage of dvc.yaml cost; run by hand (None), nothing."""
    if stage is None:
        return
    cost = {"seconds": round(seconds, 3), "peak_memory_mb": round(_peak_memory_mb(), 1)}
    write_json(_cost_file(stage, stage_fingerprint(stage)), cost)


def find_cost(stage: str, lock_entry: dict[str, Any]) -> dict[str, float] | None:
    """The cost of the run that made a stage's entry in dvc.lock, or None where it ran elsewhere."""
    file = _cost_file(stage, _hash(lock_entry["deps"], lock_entry.get("params", {})))
    return read_json(file) if file.exists() else None


def stage_fingerprint(stage: str) -> str:
    """A hash of the running stage's parameters, code and inputs, equal to its lock entry's.

    The md5 of an input that an earlier stage made stands in dvc.lock by now; code is hashed here.
    """
    declared = declared_stages(read_yaml(PARAMS_FILE))[stage]
    made = {
        out["path"]: out["md5"] for entry in read_lock().values() for out in entry.get("outs", [])
    }
    deps = [
        {"path": path, "md5": made.get(path) or dvc_md5(Path(path))} for path in declared["deps"]
    ]
    return _hash(deps, {PARAMS_FILE.name: stage_params(stage)})


def stage_params(stage: str) -> dict[str, Any]:
    """What params.yaml holds now under the keys that a stage declares."""
    params = read_yaml(PARAMS_FILE)
    keys = declared_stages(params)[stage].get("params", [])
    return {key: _lookup(params, key) for key in keys}


def declared_stages(params: dict[str, Any]) -> dict[str, Any]:
    """The stages of dvc.yaml, parameters put in where it names them."""
    text = PIPELINE_FILE.read_text(encoding="utf-8")
    filled = re.sub(r"\$\{([\w.]+)\}", lambda match: str(_lookup(params, match[1])), text)
    return dict(parse_yaml(filled)["stages"])


def read_lock() -> dict[str, Any]:
    """The stages of dvc.lock, or nothing where there is none yet."""
    stages = read_yaml(LOCK_FILE).get("stages", {}) if LOCK_FILE.exists() else {}
    return dict(stages)


def dvc_md5(path: Path) -> str:
    """A file's md5 or, as DVC makes it, a folder's: of the JSON list of its files and theirs."""
    if not path.is_dir():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    tree = [
        {"md5": dvc_md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in files
        if "__pycache__" not in file.parts  # .dvcignore
    ]
    listing = json.dumps(sorted(tree, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _hash(deps: list[dict[str, Any]], params: dict[str, Any]) -> str:
    pairs = sorted((dep["path"], dep["md5"]) for dep in deps)
    return hashlib.sha256(json.dumps([pairs, params], sort_keys=True).encode()).hexdigest()[:16]


def _lookup(params: dict[str, Any], dotted: str) -> Any:
    value: Any = params
    for part in dotted.split("."):
        value = value[part]
    return value


def _cost_file(stage: str, fingerprint: str) -> Path:
    return repository_root() / SCRATCH / "costs" / f"{stage}-{fingerprint}.json"


def _peak_memory_mb() -> float:
    """The largest resident size so far of this process, in MB (10**6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes there, KiB here
