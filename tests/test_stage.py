"""What every stage script shares: its command line and how it fails."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run_balance(workplace):
    """Run `python -m stages.balance` in the workplace: (exit code, what it said)."""

    def run(*words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
        done = subprocess.run(
            [sys.executable, "-m", "stages.balance", *words],
            cwd=workplace,
            env=environment | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return run


def test_a_fault_of_the_user_is_one_line_and_exit_code_1(run_balance, workplace):
    file = workplace / "params.yaml"
    file.write_text(file.read_text().replace("method: smote", "method: smot"))
    code, said = run_balance("in", "out", "kept", "counts")
    assert code == 1
    (line,) = said.splitlines()
    assert line.startswith("error: params.yaml: balance.method must be")
    assert "Did you mean 'smote'?" in line


def test_a_missing_input_is_one_line_and_leaves_no_output(run_balance, workplace):
    code, said = run_balance("in.safetensors", "out.safetensors", "kept", "counts.json")
    assert code == 1
    assert said.splitlines() == ["error: in.safetensors is not here. `dvc repro` makes it."]
    assert {path.name for path in workplace.iterdir()} == {
        "ferflow",
        "metrics",
        "params.yaml",
        "presets",
    }


def test_the_wrong_number_of_paths_prints_the_usage(run_balance):
    code, said = run_balance("in")
    assert code != 0
    assert said.splitlines() == ["usage: balance.py SOURCE TARGET KEPT_FILE METRICS"]


def run_script(workplace, code, **variables):
    """Run code as DVC would run a stage: (exit code, what it said)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
    environment |= {"PYTHONPATH": str(ROOT), "DVC_STAGE": "balance"} | variables
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=workplace, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stderr


def test_a_parameter_changed_meanwhile_is_told_because_dvc_would_record_the_new_value(workplace):
    shutil.copy(ROOT / "dvc.yaml", workplace)
    code = """
from pathlib import Path
from ferflow.core.stage import run_stage

def main():
    file = Path("params.yaml")
    file.write_text(file.read_text().replace("k_neighbors: 5", "k_neighbors: 4"))

run_stage(main)
"""
    exit_code, said = run_script(workplace, code)
    assert exit_code == 1
    (line,) = said.splitlines()
    assert line.startswith("error: balance.k_neighbors in params.yaml was 5 when this stage began")
    assert not (workplace / ".ferflow").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stage outlives a killed DVC")
@pytest.mark.parametrize(("parent", "runs"), [("this process", True), ("killed", False)])
def test_a_stage_whose_dvc_is_gone_does_not_begin(workplace, parent, runs):
    shutil.copy(ROOT / "dvc.yaml", workplace)
    (workplace / ".dvc/tmp").mkdir(parents=True)
    holder = {"pid": os.getpid() if parent == "this process" else 2**22 + 1, "cmd": "dvc repro"}
    locks = {"write": {"data/balanced": holder}, "read": {}}
    (workplace / ".dvc/tmp/rwlock").write_text(json.dumps(locks))
    code = """
from pathlib import Path
from ferflow.core import stage

stage.record_cost = lambda stage, seconds: None
stage.run_stage(lambda: Path("ran").write_text("") and None)
"""
    exit_code, said = run_script(workplace, code)
    assert (workplace / "ran").exists() == runs
    assert exit_code == (0 if runs else 1)
    assert said == ("" if runs else "error: DVC ended while this stage was starting.\n")
