"""`make torture`: several processes at once, in one clone and in several."""

import json
import os
import re
import signal
import sys
import time

import pytest
from repository import SMALL
from torture.scratch import finish, living, tell, wait_for_the_end

from ferflow.core.files import atomic

pytestmark = pytest.mark.slow

TRACK = (sys.executable, "-m", "ferflow", "track")
# while a stage runs: what changes nothing works, what needs the pipeline says in a line who is on
COMMANDS = {
    "use quickstart": "DVC runs the pipeline here",
    "repeat --seeds 2": "DVC runs the pipeline here",
    "mistake test_on_train": "the honest chain could not be run",
    "record": "Run `dvc repro` first",
    "track": "Run `dvc repro` first",
    "show": None,
    "check": None,
    "store": None,
}


@pytest.fixture
def clone(finished, tmp_path):
    return finished.copy_to(tmp_path / "clone")


def statuses(repository):
    return [run.info.status for run in repository.runs()[1]]


def test_eight_queued_experiments_with_two_workers_are_eight_runs(clone):
    names = [f"trees-{k}" for k in range(8)]  # 11 trees and more: the parent has 10
    for k, name in enumerate(names):
        setting = f"train.random_forest.n_estimators={k + 11}"
        clone.run("dvc", "exp", "run", "--queue", "--name", name, "-S", setting)
    process, mark = clone.start("dvc", "queue", "start", "-j", "2")
    finish(process)
    deadline = time.monotonic() + 3600
    while re.search(r"Queued|Running", queue := clone.run("dvc", "queue", "status")):
        assert time.monotonic() < deadline, queue
        time.sleep(5)
    assert queue.count("Success") == 8, queue
    left = wait_for_the_end(mark, 120)
    assert not left
    refs = clone.git("for-each-ref", "--format=%(refname)", "refs/exps").split()
    results = {ref.rsplit("/", 1)[-1]: ref for ref in refs}
    for k, name in enumerate(names):
        ref = results[name]
        train = json.loads(clone.git("show", f"{ref}:metrics/train.json"))
        assert "random_forest" in json.dumps(train)
        assert f"n_estimators: {k + 11}\n" in clone.git("show", f"{ref}:params.yaml")
    _, runs = clone.runs()
    assert sorted(run.info.run_name for run in runs) == names
    assert {run.info.status for run in runs} == {"FINISHED"}
    trees = {run.data.params["train.random_forest.n_estimators"] for run in runs}
    assert trees == {str(k + 11) for k in range(8)}
    tell(queued=8, workers=2, runs=len(runs))


def test_while_a_stage_runs_other_commands_work_or_say_so_in_a_line(clone):
    clone.use("quickstart", *SMALL, "balance.k_neighbors=2")
    process, mark = clone.start_repro()
    while "Running stage 'balance'" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.5)
    (stage,) = [number for number, words in living(mark) if "stages.balance" in words]
    os.kill(stage, signal.SIGSTOP)  # it takes as long as the commands need
    try:
        _, printed = clone.repro(ok=False)
        assert "is busy, it is being blocked by" in printed
        before = clone.text("params.yaml")
        for command, refusal in COMMANDS.items():
            printed = clone.ferflow(*command.split(), ok=refusal is None)
            assert "Traceback" not in printed
            if refusal:
                (line,) = [text for text in printed.splitlines() if text.startswith("error: ")]
                assert refusal in line
        assert clone.text("params.yaml") == before
    finally:
        os.kill(stage, signal.SIGCONT)
    finish(process)
    assert clone.repro()[0] == []


def test_a_parameter_changed_in_mid_stage_is_not_recorded_for_the_old_results(clone):
    clone.use("quickstart", *SMALL, "balance.k_neighbors=2")
    process, mark = clone.start_repro()
    while "Running stage 'train'" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(1)
    while " training rows of " not in process.stdout.readline():
        assert process.poll() is None
    file = clone.folder / "params.yaml"
    edited = file.read_text(encoding="utf-8").replace("n_estimators: 10", "n_estimators: 11")
    with atomic(file) as part:  # the stage must not see half of it
        part.write_text(edited, encoding="utf-8")
    printed = finish(process, ok=False)
    assert "random_forest.n_estimators in params.yaml was 10 when this stage began" in printed
    assert not wait_for_the_end(mark)
    stages, _ = clone.repro()
    assert stages == ["train", "evaluate", "track"]


def test_a_fresh_store_is_made_once_by_two_processes_that_track_one_run(clone):
    for _ in range(3):
        for file in (clone.folder / ".mlflow").glob("*.db*"):
            file.unlink()
        printed = clone.both(TRACK, TRACK)
        assert sum("MLflow has a new run" in text for text in printed) == 1, printed
        assert sum("MLflow has this run already" in text for text in printed) == 1, printed
        assert statuses(clone) == ["FINISHED"]


def test_two_clones_share_a_store(finished, tmp_path):
    shared = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/shared/mlflow.db"}
    clones = [finished.copy_to(tmp_path / name) for name in ("one", "two")]
    for process in [clone.start(*TRACK, **shared)[0] for clone in clones]:
        finish(process)
    for bins, clone in zip((10, 12), clones, strict=True):
        clone.use("quickstart", *SMALL, f"evaluate.calibration_bins={bins}")
    for process in [clone.start_repro(**shared)[0] for clone in clones]:
        assert "not tracked" not in finish(process)
    address = clones[0].ferflow("store", **shared).strip()
    assert address == f"sqlite:///{tmp_path}/shared/mlflow.db"
    runs = clones[0].runs(address)[1]
    assert [run.info.status for run in runs] == ["FINISHED"] * 3  # the first is one of both
    assert {run.info.artifact_uri.split("/artifacts/")[0] for run in runs} == {
        (tmp_path / "shared").as_uri()
    }
    assert not any((clone.folder / ".mlflow").exists() for clone in clones)
