"""The last finished run: is it whole, whose results are they, what identifies it?

Shared by what looks at a run from outside the pipeline: MLflow's mirror and the records in Git.
"""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from ferflow.core.errors import FerflowError
from ferflow.core.params import PARAMS_FILE, flatten, read_yaml

STAGES = (
    "download",
    "preprocess",
    "augment",
    "extract_features",
    "balance",
    "select_features",
    "train",
    "evaluate",
)
METRICS_FILES = tuple(
    Path("metrics", f"{name}.json") for name in ("data", "balance", "selection", "train", "metrics")
)
CODE = ("ferflow", "stages", "dvc.yaml")


def check_finished(lock: dict[str, Any]) -> None:
    """Refuse to track results that do not belong to the present parameters."""
    cure = "Run `dvc repro` first."
    if missing := [stage for stage in STAGES if stage not in lock]:
        raise FerflowError(f"the pipeline has not finished ({', '.join(missing)}). {cure}")
    now = flatten(read_yaml(PARAMS_FILE))
    for stage in STAGES:
        then = lock[stage].get("params", {}).get(PARAMS_FILE.name, {})
        for key, value in flatten(then).items():
            if now.get(key) != value:
                raise FerflowError(
                    f"{key} was {value!r} in the last run, not {now.get(key)!r}. {cure}"
                )
        for out in lock[stage].get("outs", []):
            if not Path(out["path"]).exists():
                raise FerflowError(f"{out['path']} is not here. {cure}")
    for out in lock["evaluate"]["outs"]:
        path = Path(out["path"])
        if path.is_file() and out["md5"] != hashlib.md5(path.read_bytes()).hexdigest():
            raise FerflowError(f"{path} is not what the last run wrote. {cure}")


def lock_fingerprint(lock: dict[str, Any]) -> str:
    """A hash of the stages' entries in dvc.lock: parameters, code, data and results."""
    entries = {stage: lock[stage] for stage in STAGES}
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:16]


def data_fingerprint(lock: dict[str, Any]) -> str:
    """A hash of the three split files that `download` made."""
    splits = [out for out in lock["download"]["outs"] if out["path"].endswith(".safetensors")]
    data = json.dumps([out["md5"] for out in splits])
    return hashlib.sha256(data.encode()).hexdigest()[:16]


def code_commit() -> str:
    """The Git commit, '-dirty' where code differs from it, or 'none' outside Git.

    params.yaml differs from the commit in every run but the quickstart's, and dvc.lock and metrics
    with it; what they hold is kept with the run.
    """
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "none"
    return head + ("-dirty" if _git("status", "--porcelain", "--", *CODE) else "")


def changed_since(commit: str) -> list[str]:
    """The code's files that differ now from a commit's; [] where Git does not know the commit.

    That of code with changes of its own ('-dirty') is not one.
    """
    return _git("diff", "--name-only", "--relative", commit, "--", *CODE).splitlines()


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
