"""The pipeline: fingerprints that stay what they were, and whose results those of a lock are."""

import json
from pathlib import Path

import pytest

from ferflow.core.last_run import STAGES, check_finished, data_fingerprint, lock_fingerprint
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.pipeline import (
    _hash,
    dvc_md5,
    read_lock,
    stage_fingerprint,
    stage_params,
)
from ferflow.records.recording import _locked_code, code_fingerprint

CHAIN = "stages:\n" + "".join(
    f"""  {stage}:
    cmd: python -m stages.{stage}
    deps: [data/checked.txt, stages/{stage}.py, ferflow/core, "ferflow/${{train.family}}"]
    params: [seed, "train.${{train.family}}"]
    outs: [data/{stage}/train.safetensors, data/{stage}/twins.csv]
"""
    for stage in STAGES
)
PARAMS = """
seed: 3
train:
  family: forest
  forest: {depth: null, leaf: 0.25, rho: 1e-4, weight: "1", classes: [b, a], "é": yes}
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A finished chain of small text files in the current directory."""
    monkeypatch.chdir(tmp_path)
    write(Path("dvc.yaml"), CHAIN)
    write(PARAMS_FILE, PARAMS)
    write(Path("data/checked.txt"), "checked\n")
    for name in ("core/a.py", "core/b-c.py", "forest/deep/d.py", "core/__pycache__/a.pyc"):
        write(Path("ferflow", name), f"# {name}\n")
    lock = {}
    for stage in STAGES:
        write(Path(f"stages/{stage}.py"), f"# {stage}\n")
        deps = ["data/checked.txt", f"stages/{stage}.py", "ferflow/core", "ferflow/forest"]
        outs = [f"data/{stage}/train.safetensors", f"data/{stage}/twins.csv"]
        for out in outs:
            write(Path(out), f"{out} made\n")
        lock[stage] = {
            "cmd": f"python -m stages.{stage}",
            "deps": [{"path": p, "hash": "md5", "md5": dvc_md5(Path(p))} for p in deps],
            "params": {"params.yaml": stage_params(stage)},
            "outs": [{"path": p, "hash": "md5", "md5": dvc_md5(Path(p))} for p in outs],
        }
    write(Path("dvc.lock"), json.dumps({"schema": "2.0", "stages": lock}))
    return tmp_path


@pytest.mark.usefixtures("chain")
def test_fingerprints_are_what_they_always_were():
    """Records and MLflow know runs by them: another value would make every run a new one."""
    lock, params = read_lock(), read_yaml(PARAMS_FILE)
    check_finished(lock)
    assert lock_fingerprint(lock) == "f663cbe7c9b00751"
    assert data_fingerprint(lock) == "0913985447753cc6"
    assert stage_fingerprint("train") == _hash(lock["train"]["deps"], lock["train"]["params"])
    assert stage_fingerprint("train") == "aa7742376f796da4"
    assert code_fingerprint(params) == _locked_code(lock) == "843db5f349ac3870"
