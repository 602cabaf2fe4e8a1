"""Many runs in one clone: memory, open files and disk, and what `ferflow clean` gives back.

    python tests/soak.py --runs 50

Drawn faces. Run by `make soak`, and not by CI: a run takes half a minute. Every second run is
committed; those of the first half 60 days ago, and the first one is tagged.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from repository import SMALL, Repository
from torture.scratch import FAMILIES

DAY = 86400
RECORDS = "metrics/papers/quickstart/seed-*-run-*.json"
FOLDERS = (".ferflow", ".mlflow", ".dvc/cache")
HOG = ["features.method=hog", "selection.method=k_best", "selection.n_features=200"]
CYCLE = (  # what changes from one run to the next, over and over
    ("new faces", SMALL),
    ("larger forest", [*SMALL, "train.random_forest.n_estimators=12"]),
    ("other features", [*SMALL, *HOG]),
    ("network", [*FAMILIES["network"], "train.network.epochs=1"]),
    ("svm", FAMILIES["svm"]),
)
MORE_MEMORY = 1.15  # of the last cycle's peak, against the first one's
MORE_DISK = 1.5  # of the last cycle's growth, against the second one's


@dataclass(frozen=True)
class Run:
    """What a run left. peak_mb : of its largest process. files : most open at once, of them all.

    disk_mb, n_files : folder -> its size and its files after the run.
    """

    what: str
    seconds: float
    peak_mb: float
    files: int
    disk_mb: dict[str, float]
    n_files: dict[str, int]


class Clone(Repository):
    """A repository whose commands are measured."""

    def measured(self, *command):
        """Run a command that must end well; (peak memory in MB, most open files at once)."""
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log
            )
            most, ended = 0, 0
            while not ended:
                most = max(most, open_files(process.pid))
                time.sleep(0.2)
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            assert process.returncode == 0, log.read()
        return usage.ru_maxrss / 1e3, most

    def commit_at(self, days):
        """Commit what a run left, so many days ago."""
        when = f"{int(time.time() - days * DAY)} +0000"
        self.git("add", "--all")
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "run", **dates)

    def files(self, name):
        return [path for path in (self.folder / name).rglob("*") if path.is_file()]

    def processes(self):
        """Those that work in the clone."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process.pid)
        return found


def open_files(pid):
    """Of a process and those that it started, by now."""
    total = 0
    with suppress(psutil.Error):
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.num_fds()
    return total


def one_run(clone, number, n_runs):
    """The chain with other parameters than before."""
    what, settings = CYCLE[number % len(CYCLE)]
    clone.use("quickstart", *settings, f"seed={number // len(CYCLE)}")
    started = time.perf_counter()
    measured = [clone.measured("dvc", "repro")]
    if number % 2 == 0:
        measured.append(
            clone.measured("python", "-m", "ferflow", "record", "--name", f"run-{number}")
        )
        clone.commit_at(60 if number < n_runs / 2 else 0)
    if number == 0:
        clone.git("tag", "first")
    left = [path.name for path in clone.files(".") if path.name.endswith(".part")]
    assert not left and not clone.processes(), (left, clone.processes())
    return Run(
        what=what,
        seconds=round(time.perf_counter() - started, 1),
        peak_mb=round(max(peak for peak, _ in measured), 1),
        files=max(most for _, most in measured),
        disk_mb={name: size_mb(clone.files(name)) for name in FOLDERS},
        n_files={name: len(clone.files(name)) for name in FOLDERS},
    )


def size_mb(paths):
    return round(sum(path.lstat().st_size for path in paths) / 1e6, 3)


def growth(runs, name):
    """Mean MB that a folder grew by in each run but the first."""
    return (runs[-1].disk_mb[name] - runs[0].disk_mb[name]) / max(1, len(runs) - 1)


def check_growth(runs):
    """Memory and open files stay, and disks grow no faster at the end than at the beginning."""
    cycles = [runs[k : k + len(CYCLE)] for k in range(0, len(runs), len(CYCLE))]
    whole = [cycle for cycle in cycles if len(cycle) == len(CYCLE)]
    if len(whole) < 2:
        return
    first, last = whole[0], whole[-1]
    for field in ("peak_mb", "files"):
        before, after = (max(getattr(run, field) for run in cycle) for cycle in (first, last))
        assert after <= MORE_MEMORY * before, f"{field}: {before} at first, {after} at the end"
    if len(whole) < 3:
        return
    for name in FOLDERS:
        before, after = (growth(cycle, name) for cycle in (whole[1], last))
        assert after <= MORE_DISK * before, f"{name}: +{before:.2f} MB a run, then +{after:.2f}"


def check_clean(clone):
    """`ferflow clean` gives back what nothing names, and nothing else; (MB before, MB after)."""
    for name in FOLDERS:
        for path in clone.files(name):
            os.utime(path, (time.time() - 40 * DAY,) * 2)
    before = {name: size_mb(clone.files(name)) for name in FOLDERS}
    runs = mlflow_runs(clone)
    clone.ferflow("clean", "--older-than", "30")
    assert before == {name: size_mb(clone.files(name)) for name in FOLDERS}
    told = clone.ferflow("clean", "--older-than", "30", "--yes")
    after = {name: size_mb(clone.files(name)) for name in FOLDERS}
    given = float(re.search(r"Deleted: ([\d.]+) MB", told)[1])
    gone = sum(before.values()) - sum(after.values())
    assert abs(given - gone) < 0.2 and gone > 0, (told, before, after)
    assert mlflow_runs(clone) == runs
    check_named(clone)
    return before, after


def check_named(clone):
    """The workspace, the tag and the commits of today have their files, the records their runs."""
    assert clone.repro()[0] == []
    runs = mlflow_runs(clone)
    records = [json.loads(path.read_text()) for path in clone.folder.glob(RECORDS)]
    assert records and all(record["run"] in runs for record in records)
    if uncommitted := clone.git("status", "--porcelain").strip():
        clone.git("stash", "--quiet", "--include-untracked")
    branch = clone.git("branch", "--show-current").strip()
    young = clone.git("log", "--since=7.days", "--grep=^run$", "--format=%H").split()
    for commit in ("first", *young):
        clone.git("checkout", "--quiet", commit)
        clone.run("dvc", "checkout", "--quiet")
        said = clone.run("dvc", "status", "dvc.yaml")  # not the mistakes, which nobody made
        assert "up to date" in said, (commit, said)
    clone.git("checkout", "--quiet", branch)
    if uncommitted:
        clone.git("stash", "pop", "--quiet")
    clone.run("dvc", "checkout", "--quiet")


def mlflow_runs(clone):
    """Fingerprint -> status of each run; its model's files are there."""
    _, runs = clone.runs()
    for run in runs:
        place = Path(run.info.artifact_uri.removeprefix("file://"))
        assert (place / "pipeline/dvc.lock").is_file(), place
    return {run.data.tags["ferflow.fingerprint"]: run.info.status for run in runs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="write what was measured to this JSON file")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ferflow-soak-"))
    try:
        clone, runs = Clone(folder), []
        for number in range(options.runs):
            runs.append(one_run(clone, number, options.runs))
            print(f"{number + 1:>3} {runs[-1]}", flush=True)
        before, after = check_clean(clone)
    finally:
        shutil.rmtree(folder)
    for name in FOLDERS:
        print(
            f"{name:<12}{growth(runs, name):>8.2f} MB a run, {runs[-1].n_files[name]:,} files; "
            f"before clean {before[name]:.1f} MB, after it {after[name]:.1f} MB"
        )
    if options.keep:
        content = {"runs": [asdict(run) for run in runs], "before": before, "after": after}
        options.keep.write_text(json.dumps(content, indent=1) + "\n")
    check_growth(runs)


if __name__ == "__main__":
    sys.exit(main())
