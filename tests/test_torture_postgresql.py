"""`make torture`: two clones, four experiments at once in each, one PostgreSQL for all runs."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_servers import free_port, running
from torture.scratch import finish, tell, wait_for_the_end

pytestmark = pytest.mark.slow

BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)  # Debian's, outside PATH
N_CLONES, N_EXPERIMENTS = 2, 4


@contextmanager
def postgresql():
    """The address of an empty database; its server ends with the block."""
    if BIN is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="ferflow-postgresql-"))
    if user:
        shutil.chown(folder, user)

    def run(name, *words):
        subprocess.run(
            [BIN / name, *words], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )

    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    try:
        run("initdb", "-D", folder / "data", "-U", "ferflow", "--auth=trust")
        run("pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-w", "start")
        try:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "ferflow", "runs")
            yield f"postgresql://ferflow@127.0.0.1:{port}/runs"
        finally:
            run("pg_ctl", "-D", folder / "data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("through", ["mlflow server", "the database itself"])
def test_eight_runs_of_two_clones_at_once_are_all_there(finished, tmp_path, through):
    files = tmp_path / "files"
    with postgresql() as database:
        if through == "mlflow server":
            port = free_port()
            address = f"http://127.0.0.1:{port}"
            command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
            command += ["--workers", "2", "--backend-store-uri", database]
            command += ["--artifacts-destination", str(files)]
            with running(command, tmp_path, f"{address}/health", **_no_jobs()):
                runs = run_and_read(finished, tmp_path, {"MLFLOW_TRACKING_URI": address})
        else:
            shared = {"MLFLOW_TRACKING_URI": database, "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(files)}
            runs = run_and_read(finished, tmp_path, shared)
    assert sorted(run.info.run_name for run in runs) == sorted(
        f"{name}-{k}" for name in clone_names() for k in range(N_EXPERIMENTS)
    )
    assert {run.info.status for run in runs} == {"FINISHED"}
    trees = {run.data.params["train.random_forest.n_estimators"] for run in runs}
    assert len(trees) == len(runs) == N_CLONES * N_EXPERIMENTS
    for run in runs:  # each has its pictures where the files of all are
        (found,) = files.rglob(run.info.run_id)
        assert any(found.rglob("*.png"))
    assert not any((tmp_path / name / "mlruns").exists() for name in clone_names())
    tell(through=through, clones=N_CLONES, runs=len(runs))


def clone_names():
    return [f"clone-{k}" for k in range(N_CLONES)]


def _no_jobs():
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def run_and_read(finished, folder, shared):
    """Queue the experiments in each clone, work them off together; the runs in the store."""
    clones = [finished.copy_to(folder / name) for name in clone_names()]
    for number, clone in enumerate(clones):
        for k in range(N_EXPERIMENTS):
            trees = 11 + number * N_EXPERIMENTS + k  # each has its own: the parent has 10
            clone.run(
                *("dvc", "exp", "run", "--queue", "--name", f"clone-{number}-{k}"),
                *("-S", f"train.random_forest.n_estimators={trees}"),
            )
    started = [
        clone.start("dvc", "queue", "start", "-j", str(N_EXPERIMENTS), **shared) for clone in clones
    ]
    for process, _ in started:
        finish(process)
    for clone, (_, mark) in zip(clones, started, strict=True):
        assert not wait_for_the_end(mark, 1800)
        assert clone.run("dvc", "queue", "status").count("Success") == N_EXPERIMENTS
    return clones[0].runs(shared["MLFLOW_TRACKING_URI"])[1]
