"""Costs: found again under the fingerprint of the run that made a result."""

import os
import subprocess
import sys

import pytest

from ferflow.core.costs import find_cost, record_cost
from ferflow.core.files import read_json
from ferflow.core.paths import SCRATCH
from ferflow.core.pipeline import Pipeline

PIPELINE = """
stages:
  first:
    cmd: python work.py made made.txt
    deps: [work.py]
    params: [seed, colony.rho, colony.classes, colony.path]
    outs: [made, made.txt]
  second:
    cmd: python work.py ${family.name}
    deps: [work.py, "parts/${family.name}", made.txt, made]
    params: [family.name, "family.${family.name}"]
    outs: ["${family.name}"]
"""
PARAMS = """
seed: 0
colony: {rho: 1e-4, classes: [b, a], path: null, unread: 1}
family: {name: forest, forest: {trees: 90, depth: null, leaf: 0.25, weight: "1"}}
"""
WORK = """
import os, sys
from pathlib import Path
from ferflow.core.costs import record_cost
for name in sys.argv[1:]:
    out = Path(name) if "." in name else Path(name, "inside")
    out.parent.mkdir(exist_ok=True)
    out.write_text(name)
record_cost(os.environ["DVC_STAGE"], 1.23456)
"""


@pytest.fixture(scope="module")
def dvc_repository(tmp_path_factory):
    """A small pipeline that DVC has run."""
    folder = tmp_path_factory.mktemp("dvc")
    (folder / "parts/forest/__pycache__").mkdir(parents=True)
    for name, text in {
        "dvc.yaml": PIPELINE,
        "params.yaml": PARAMS,
        "work.py": WORK,
        "parts/forest/grow.py": "grow = 1\r\n",
        "parts/forest/a-b.py": "",
        "parts/forest/__pycache__/grow.pyc": "left out",
        ".dvcignore": "__pycache__\n",
    }.items():
        (folder / name).write_text(text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
    environment |= {"DVC_NO_ANALYTICS": "1", "PYTHONWARNINGS": "ignore"}
    environment["PATH"] = f"{os.path.dirname(sys.executable)}:{environment['PATH']}"  # noqa: PTH120
    for words in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        command = [sys.executable, "-m", "dvc", *words]
        subprocess.run(command, cwd=folder, env=environment, check=True)
    return folder


@pytest.fixture
def here(dvc_repository, monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(dvc_repository)
    return dvc_repository


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_cost_is_found_from_the_entry_that_dvc_wrote(here, stage):
    cost = find_cost(Pipeline(), stage)
    assert cost["seconds"] == 1.235
    assert cost["peak_memory_mb"] > 1
    assert len(list((here / SCRATCH / "costs").glob(f"{stage}-*.json"))) == 1


@pytest.mark.parametrize("change", ["code", "input", "params"])
@pytest.mark.usefixtures("here")
def test_a_run_of_other_code_inputs_or_params_has_no_such_cost(change):
    pipeline = Pipeline()
    entry = pipeline.lock["second"]
    if change == "params":
        entry["params"]["params.yaml"]["family.forest"]["trees"] = 91
    else:
        path = "parts/forest" if change == "code" else "made"
        next(dep for dep in entry["deps"] if dep["path"] == path)["md5"] = "0" * 32
    assert find_cost(pipeline, "second") is None


def test_a_stage_run_by_hand_leaves_no_cost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record_cost(None, 1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("here")
def test_costs_go_to_the_repository_even_from_a_copy_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    record_cost("first", 2.0)
    (file,) = (tmp_path / SCRATCH / "costs").iterdir()
    assert read_json(file)["seconds"] == 2.0
