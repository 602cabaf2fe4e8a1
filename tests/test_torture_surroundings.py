"""`make torture`: a full disk, no permission, odd clocks, places and locales, a fresh clone."""

import json
import os
import re
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from repository import SMALL
from torture.scratch import Scratch, tell, wait_for_the_end

from ferflow.core.params import read_yaml

pytestmark = pytest.mark.slow

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
MOUNT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount file systems")
POWERS = "-dac_override,-dac_read_search,-fowner"  # by which root writes where nobody may
POWERLESS = ("setpriv", f"--inh-caps={POWERS}", f"--bounding-set={POWERS}")
READING = ("presets", "check", "show", "mistakes", "decode 88.29%")
WRITING = ("use quickstart", "track", "store", "record --name x", "audit", "repeat")


@contextmanager
def mounted(folder, *options):
    """Something mounted at a folder; the test is skipped where that is not permitted."""
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def one_line(printed):
    """A refusal of ours: one line, and no traceback."""
    assert "Traceback" not in printed, printed
    (line,) = [line for line in printed.splitlines() if line.startswith("error: ")]
    return line


@MOUNT
def test_a_full_disk_is_a_line_each_time_and_the_run_is_finished_with_more_room(finished, tmp_path):
    place = tmp_path / "small disk"
    place.mkdir()
    with mounted(place, "-t", "tmpfs", "-o", "size=100m", "tmpfs"):
        repository = Scratch(place)
        repository.use("quickstart", *SMALL)
        full, room = [], used_kib(place) + 300
        while True:
            resize(place, room)
            process, mark = repository.start_repro()
            printed = process.communicate()[0]
            assert not wait_for_the_end(mark)
            assert "Traceback" not in printed, printed
            assert repository.parts() == []
            done = process.returncode == 0
            if done and "not tracked" not in printed:
                break
            assert re.search(r"[Nn]o space left|disk is full|cannot be written", printed), printed
            full.append(re.findall(r"Running stage '(\w+)'", printed)[-1])
            if done:  # the results are there; MLflow's mirror of them is not
                break
            room += max(300, room // 20)
        resize(place, 2 * room)
        repository.ferflow("track")
        assert repository.text("dvc.lock") == finished.text("dvc.lock")
        assert repository.cache_faults()[0] == []
        assert [status for _, status in repository.store()["runs"]] == ["FINISHED"]
    tell(full_at=full)
    assert len(set(full)) > 2, "the disk must have been full at several stages"


def used_kib(place):
    done = subprocess.run(["du", "-sk", place], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def resize(place, kib):
    subprocess.run(["mount", "-o", f"remount,size={kib}k", place], check=True)


@MOUNT
def test_in_a_read_only_repository_reading_works_and_writing_is_refused_in_a_line(
    finished, tmp_path
):
    repository = finished.copy_to(tmp_path / "read-only")
    with mounted(repository.folder, "--bind", repository.folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", repository.folder], check=True)
        for words in READING:
            repository.ferflow(*words.split())
        for words in WRITING:
            assert "ead-only file system" in one_line(repository.ferflow(*words.split(), ok=False))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_without_permission_reading_works_and_writing_is_refused_in_a_line(finished, tmp_path):
    repository = finished.copy_to(tmp_path / "somebody else's")
    repository.run("chmod", "-R", "a+rX", ".")
    repository.run("chown", "-R", "nobody", ".")
    for words in READING:
        powerless(repository, words)
    for words in WRITING:
        assert "ermission denied" in one_line(powerless(repository, words, ok=False))


def powerless(repository, words, ok=True):
    return repository.run(*POWERLESS, "python", "-m", "ferflow", *words.split(), ok=ok)


def test_umlauts_no_utf8_no_temporary_folder_and_no_home_give_the_same_results(finished, tmp_path):
    folder = tmp_path / "Pfad mit Lücken, größer"
    folder.mkdir()
    poor = {
        "LC_ALL": "C",  # Python then takes UTF-8 by itself, unless PYTHONUTF8=0 forbids it
        "TMPDIR": str(tmp_path / "nowhere"),
        "HOME": str(tmp_path / "nobody's"),
    }
    repository = Scratch(folder)
    repository.ferflow("use", "quickstart", *SMALL, **poor)
    _, printed = repository.repro(**poor)
    assert "not tracked" not in printed
    assert repository.text("dvc.lock") == finished.text("dvc.lock")
    assert [status for _, status in repository.store()["runs"]] == ["FINISHED"]
    for words in READING:  # of ours; DVC refuses a path of other letters then
        repository.ferflow(*words.split(), **poor, PYTHONUTF8="0")


@pytest.mark.skipif(not FAKETIME.exists(), reason="needs Debian's libfaketime")
def test_a_clock_that_jumps_back_and_forth_changes_nothing(finished, tmp_path):
    repository = finished.copy_to(tmp_path / "clone")
    past = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "-400d"}
    assert repository.repro(**past)[0] == []
    repository.use("quickstart", *SMALL, "balance.k_neighbors=2")
    stages, printed = repository.repro(**past)
    assert stages[0] == "balance" and "not tracked" not in printed
    assert repository.repro()[0] == []
    repository.use("quickstart", *SMALL)
    assert repository.repro()[0] in ([], ["track"])
    assert repository.text("dvc.lock") == finished.text("dvc.lock")
    statuses = [status for _, status in repository.store()["runs"]]
    assert set(statuses) == {"FINISHED"}


def test_times_in_the_future_change_nothing(finished, tmp_path):
    repository = finished.copy_to(tmp_path / "clone")
    later = time.time() + 10 * 365 * 86400
    for file in repository.folder.rglob("*"):
        if file.is_file() and ".git" not in file.parts:
            os.utime(file, (later, later))
    assert repository.repro()[0] == []


def test_a_fresh_clone_that_pulls_has_nothing_to_do_and_shows_the_run(finished, tmp_path):
    origin = finished.copy_to(tmp_path / "origin")
    origin.run("dvc", "remote", "add", "--default", "shelf", "../../shelf")
    origin.commit()
    origin.run("dvc", "push")
    assert str(tmp_path) not in origin.text(".dvc/config")
    origin.git("clone", "--quiet", str(origin.folder), str(tmp_path / "clone"))
    clone = finished.copy_to(tmp_path / "unused")  # of its own: commands run in it
    clone.folder = tmp_path / "clone"
    clone.run("dvc", "pull")
    stages, printed = clone.repro()
    assert stages == [] and "up to date" in printed
    assert clone.text("dvc.lock") == origin.text("dvc.lock")
    assert clone.git("status", "--porcelain") == ""
    assert set(clone.outputs()) == {
        name for name in origin.outputs() if not name.startswith(".ferflow/")
    }
    (clone.folder / ".venv").symlink_to(Path(os.sys.prefix))
    process, mark = clone.start("make", "-o", ".venv/ready", "ui", "PORT=5077")
    try:
        (run,) = served_runs(5077, 600)
    finally:
        process.terminate()
        for number in [n for n, _ in wait_for_the_end(mark, 5)]:
            os.kill(number, 15)
        process.communicate()
    assert run["info"]["status"] == "FINISHED"
    metrics = {m["key"]: m["value"] for m in run["data"]["metrics"]}
    assert (
        metrics["val/accuracy"]
        == read_yaml(clone.folder / "metrics/metrics.json")["val"]["accuracy"]
    )


def served_runs(port, seconds):
    """What MLflow's server answers when it is asked for the runs of the experiment."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/search",
        json.dumps({"experiment_ids": ["1"]}).encode(),
        {"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["runs"]
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
