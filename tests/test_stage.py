"""What every stage script shares: its command line and how it fails."""

import os
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
    code, said = run_balance("in", "out", "counts")
    assert code == 1
    (line,) = said.splitlines()
    assert line.startswith("error: params.yaml: balance.method must be")
    assert "Did you mean 'smote'?" in line


def test_a_missing_input_is_one_line_and_leaves_no_output(run_balance, workplace):
    code, said = run_balance("in.safetensors", "out.safetensors", "counts.json")
    assert code == 1
    assert said.splitlines() == ["error: in.safetensors is not here. `dvc repro` makes it."]
    assert {path.name for path in workplace.iterdir()} == {"ferflow", "params.yaml", "presets"}


def test_the_wrong_number_of_paths_prints_the_usage(run_balance):
    code, said = run_balance("in")
    assert code != 0
    assert said.splitlines() == ["usage: balance.py SOURCE TARGET METRICS"]
