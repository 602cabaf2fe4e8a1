"""A repository to be ill-treated: its processes, and what must still be true of its files."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

from repository import SMALL, Repository

from ferflow.core import pipeline

MARK = "FERFLOW_TORTURE"  # in the environment of every process that a command starts
FAMILIES = {
    "random_forest": SMALL,  # SMOTE and the colony before it
    "svm": [
        *SMALL,
        "features.method=hog",
        "selection.method=k_best",
        "selection.n_features=200",
        "train.family=svm",
    ],
    "network": [
        *SMALL,
        "features.method=pixels",
        "balance.method=none",
        "selection.method=none",
        "train.family=network",
        "train.network.epochs=3",
        "train.network.batch_size=32",
    ],
}
STAGES = (*pipeline.STAGES, "track")


class Scratch(Repository):
    """A copy of this repository that can be put back into the state of a fresh clone."""

    def start(self, *command, **changes):
        """Start a command in a process group of its own; (process, its mark)."""
        mark = uuid.uuid4().hex
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment() | {MARK: mark, "PYTHONUNBUFFERED": "1"} | changes,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return process, mark

    def start_repro(self, **changes):
        return self.start(sys.executable, "-m", "dvc", "repro", **changes)

    def mend(self):
        """What `make repro` does first, and deletes a list of locks that was cut off."""
        finish(self.start(sys.executable, "-m", "ferflow", "check")[0])

    def both(self, *commands):
        """Run commands at the same time; what each printed. All must succeed."""
        started = [self.start(*command)[0] for command in commands]
        return [finish(process) for process in started]

    def reset(self):
        """As a fresh clone: no outputs, no cache, no store; only compiled modules stay."""
        self.git("checkout", "--quiet", ".")
        self.git("clean", "-ffdxq", "-e", "__pycache__")

    def outputs(self):
        """The results and what the stages left beside them: file -> sha256 of its content.

        Of the scratch folder the names alone: it holds seconds.
        """
        files = [self.folder / "dvc.lock"]
        for folder in ("data", "models", "metrics", ".ferflow"):
            files += sorted(f for f in (self.folder / folder).rglob("*") if f.is_file())
        found = {}
        for file in files:
            name = file.relative_to(self.folder).as_posix()
            timed = name.startswith(".ferflow/")
            found[name] = "" if timed else hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    def parts(self):
        """Half-written files anywhere in the repository, DVC's own folder apart."""
        found = (f.relative_to(self.folder) for f in self.folder.rglob("*.part"))
        return [f.as_posix() for f in found if f.parts[0] != ".dvc"]

    def cache_faults(self):
        """(files of the DVC cache whose content is not what their name says, other files in it)."""
        wrong, foreign = [], []
        cache = self.folder / ".dvc/cache/files/md5"
        for file in sorted(f for f in cache.rglob("*") if f.is_file()):
            name = "".join(file.relative_to(cache).parts)
            if not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", name):
                foreign.append(name)
            elif hashlib.md5(file.read_bytes()).hexdigest() != name.removesuffix(".dir"):
                wrong.append(name)
        return wrong, foreign

    def store(self):
        """What MLflow's database holds: statuses of the runs, models, points (name, step)."""
        file = self.folder / ".mlflow/mlflow.db"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            runs = database.execute(
                "select t.value, r.status from runs r join tags t on r.run_uuid = t.run_uuid "
                "where t.key = 'ferflow.fingerprint' order by 1, 2"
            ).fetchall()
            (models,) = database.execute(
                "select count(*) from logged_models where lifecycle_stage = 'active'"
            ).fetchone()
            points = database.execute(
                "select key, step, count(*) from metrics group by key, step, run_uuid order by 1, 2"
            ).fetchall()
        database.close()
        return {"runs": runs, "models": models, "points": points}


def finish(process, ok=True):
    """Wait for a process; what it printed."""
    printed = process.communicate()[0]
    assert (process.returncode == 0) == ok, printed
    return printed


def living(mark):
    """Processes with this mark in their environment: (id, command line)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append((int(folder.name), words.decode(errors="replace")[:200]))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended meanwhile, or is another user's
    return found


def wait_for_the_end(mark, seconds=60):
    """Wait until no process carries the mark; returns those that still do."""
    deadline = time.monotonic() + seconds
    while (left := living(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def tell(**facts):
    """Print a line of the record as JSON."""
    print(json.dumps(facts), flush=True)
