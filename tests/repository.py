"""A copy of this repository, of its own in Git and DVC, for tests that run the real commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ferflow.core.locks import exclusive
from ferflow.tracking.move import move_runs

ROOT = Path(__file__).parents[1]
SMALL = [  # settings of the quickstart with which every stage takes seconds
    "data.n_synthetic=240",
    "balance.k_neighbors=3",
    "selection.n_ants=2",
    "selection.n_iterations=2",
    "selection.max_rows=100",
    "train.random_forest.n_estimators=10",
]
STORE = ".mlflow/mlflow.db"
ALL_THREADS = {"OMP_NUM_THREADS": str(os.cpu_count())}  # as for users; `make test` sets one


def run(command, folder, environment, *, ok=True):
    """Run a command that must end well, or must not; returns what it printed, on both streams."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode == 0) == ok, done.stdout
    return done.stdout


class Repository:
    """A copy of this repository, of its own in Git and DVC, in which commands are run."""

    def __init__(self, folder):
        self.folder = folder
        self.n_opened = 0
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file() and not name.startswith("tests/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self.git("init", "--quiet")
        self.git("config", "user.email", "test@example.org")
        self.git("config", "user.name", "test")
        self.commit()

    def environment(self):
        """The variables that commands see: this process's, less what points elsewhere."""
        dropped = ("MLFLOW_TRACKING_URI", "DVC_ROOT", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        environment = {k: v for k, v in os.environ.items() if k not in dropped}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        return environment

    def run(self, *command, ok=True, **changes):
        """Run a command, with changed variables; returns what it printed, on both streams."""
        return run(command, self.folder, self.environment() | changes, ok=ok)

    def copy_to(self, folder, with_runs=False):
        """Another repository with the same files, ignored ones too, but a store of its own.

        It is empty, or holds the same runs.
        """
        left_out = shutil.ignore_patterns(*([] if with_runs else [".mlflow"]))
        shutil.copytree(self.folder, folder, symlinks=True, ignore=left_out)
        other = type(self).at(folder)
        if with_runs:
            move_runs(folder.resolve() / STORE)  # to fill a new one takes MLflow many seconds
        return other

    @classmethod
    def at(cls, folder):
        """The repository that lies in a folder already."""
        other = object.__new__(cls)
        other.folder, other.n_opened = folder, 0
        return other

    def git(self, *words):
        return self.run("git", *words)

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "state")

    def ferflow(self, *words, ok=True, **changes):
        return self.run("python", "-m", "ferflow", *words, ok=ok, **changes)

    def use(self, preset, *settings, ok=True):
        return self.ferflow("use", preset, "--set", *settings, ok=ok)

    def repro(self, *targets, ok=True, **changes):
        """`dvc repro`; returns the stages of the chain that it ran, and what it printed.

        targets : 'evaluate' leaves MLflow's mirror out, which takes seconds.
        """
        printed = self.run("dvc", "repro", *targets, ok=ok, **changes)
        return re.findall(r"Running stage '(?!check')(\w+)'", printed), printed

    def runs(self, address=None):
        """A client and the runs in the repository's MLflow store, or in another."""
        import mlflow  # seconds, which only these tests need

        # A new address each time: MLflow keeps a store open by its address, deleted or not.
        self.n_opened += 1
        own = f"sqlite:///{self.folder}{'/.' * self.n_opened}/.mlflow/mlflow.db"
        client = mlflow.MlflowClient(address or own)
        experiment = client.get_experiment_by_name("ferflow")
        return client, client.search_runs([experiment.experiment_id])

    def present_run(self):
        """A client and the run that belongs to the present state of the repository."""
        (fingerprint,) = re.findall(r"\((\w{16})\)", self.ferflow("track"))
        client, runs = self.runs()
        (run,) = [r for r in runs if r.data.tags.get("ferflow.fingerprint") == fingerprint]
        return client, run

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


def finished(folder):
    """The repository in which the chain was run on a few drawn faces: to be read and copied.

    The first process that asks makes it in this folder, the others wait for it.
    """
    ready = folder.with_name(f"{folder.name} is ready")
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            repository = Repository(folder)
            repository.use("quickstart", *SMALL)
            stages, printed = repository.repro(**ALL_THREADS)
            assert stages[0] == "download" and stages[-1] == "track" and len(stages) == 9, printed
            repository.commit()
            ready.touch()
    return Repository.at(folder)
