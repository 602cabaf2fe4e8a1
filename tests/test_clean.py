"""`ferflow clean`: room is given back, and nothing that is named, young or in use is touched."""

import json
import os
import subprocess
import sys
import time

import pytest
from dvc.repo import Repo

from ferflow.core.errors import FerflowError
from ferflow.core.locks import exclusive, lock_of
from ferflow.runs.clean import clean
from ferflow.runs.jobs import one_command

DAY = 86400

# pygtrie's, in DVC
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")


def age(path, days):
    """Make a file, or all files in a folder, so many days old."""
    for file in [path] if path.is_file() else path.rglob("*"):
        os.utime(file, (time.time() - days * DAY,) * 2)


def everything(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Git and DVC with three commits, of 60, 50 and 0 days ago, of one file and one folder.

    The first is a branch of its own as well.
    """
    folder = tmp_path_factory.mktemp("repository")

    def git(*words, days=0):
        when = f"{int(time.time() - days * DAY)} +0000"
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        environment = os.environ | dates
        subprocess.run(["git", *who, *words], cwd=folder, env=environment, check=True)

    git("init", "--quiet")
    (folder / "folder").mkdir()
    with Repo.init(str(folder)) as dvc:
        for text, days in (("first", 60), ("second", 50), ("third", 0)):
            (folder / "a.txt").write_text(text * 1000)
            (folder / "folder/same.txt").write_text("in every folder")
            (folder / "folder/b.txt").write_text(f"{text} in the folder")
            dvc.add([str(folder / "a.txt"), str(folder / "folder")])
            git("add", "--all")
            git("commit", "--quiet", "--message", text, days=days)
            if text == "first":
                git("branch", "kept")
    return folder


@pytest.fixture
def here(repository, tmp_path, monkeypatch):
    """The repository with every file 40 days old."""
    folder = tmp_path / "of the test"
    subprocess.run(["cp", "-r", repository, folder], check=True)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(folder)
    age(folder / ".dvc/cache", 40)
    return folder


def objects(folder):
    return everything(folder / ".dvc/cache/files/md5")


def test_without_yes_nothing_is_deleted(here):
    before = everything(here)
    *_, said = clean(30, delete=False)
    assert said == "0.0 MB can be deleted: run it again with --yes."
    assert everything(here) - before <= {lock_of(here / ".ferflow/runs").relative_to(here)}
    assert before <= everything(here)


def test_what_no_branch_workspace_or_young_commit_names_is_deleted(here):
    before = objects(here)
    assert len(before) == 3 * 3 + 1  # a file, a file in the folder and the folder's list; same.txt
    lines = list(clean(30, delete=True))
    assert "files of DVC's cache that nothing names: 3, 0.0 MB" in lines
    gone = before - objects(here)
    assert len(gone) == 3 and sum(path.suffix == ".dir" for path in gone) == 1
    assert lines[-1] == "Deleted: 0.0 MB."
    for branch, text in (("kept", "first"), ("-", "third")):  # "-": the one before
        subprocess.run(["git", "checkout", "--quiet", branch], check=True)
        with Repo(str(here)) as dvc:
            dvc.checkout(force=True)
        assert (here / "a.txt").read_text() == text * 1000
        assert (here / "folder/b.txt").read_text() == f"{text} in the folder"
    assert list(clean(30, delete=True))[2] == "files of DVC's cache that nothing names: 0, 0.0 MB"


@pytest.mark.usefixtures("here")
def test_a_commit_that_is_young_enough_keeps_its_files():
    assert "nothing names: 0, " in list(clean(55, delete=True))[2]


def test_a_young_folder_keeps_its_old_files(here):
    before = objects(here)
    with Repo(str(here)) as dvc:
        (here / "folder/b.txt").write_text("never committed")
        dvc.add([str(here / "folder")])
    subprocess.run(["git", "checkout", "--quiet", "--force", "HEAD"], check=True)
    with Repo(str(here)) as dvc:
        dvc.checkout(force=True)
    (young,) = [path for path in objects(here) - before if path.suffix == ".dir"]
    (held,) = objects(here) - before - {young}
    age(here / ".dvc/cache/files/md5" / held, 40)
    list(clean(30, delete=True))
    assert {young, held} <= objects(here)
    age(here / ".dvc/cache/files/md5" / young, 40)
    list(clean(30, delete=True))
    assert not {young, held} & objects(here)


def test_old_checkpoints_are_deleted_unless_they_are_in_use(here):
    made = {
        "training/old": (40, True),
        "training/young": (20, False),
        "training/used": (40, False),
        "colony/colony-a.npz": (40, True),
        "colony/colony-b.npz": (20, False),
        "costs/train-1.json": (40, False),
        "params.yaml.kept": (40, False),
        "kaggle/data.zip": (40, False),
    }
    for name, (days, _) in made.items():
        path = here / ".ferflow" / name
        file = path / "checkpoint.safetensors" if name.startswith("training") else path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(1_500_000))
        age(file, days)
    with exclusive(lock_of(here / ".ferflow/training/used")):
        lines = list(clean(30, delete=False))
        assert lines[:2] == [
            "checkpoints of trainings: 1, 1.5 MB",
            "checkpoints of the ant colony: 1, 1.5 MB",
        ]
        assert lines[-1].startswith("3.0 MB can be deleted")
        assert list(clean(30, delete=True))[-1] == "Deleted: 3.0 MB."
    gone = {name for name in made if not (here / ".ferflow" / name).exists()}
    assert gone == {name for name, (_, deleted) in made.items() if deleted}


def test_a_cache_that_others_may_share_is_left_alone(here, tmp_path):
    subprocess.run(["mv", here / ".dvc/cache", tmp_path / "shared"], check=True)
    (here / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    before = everything(tmp_path / "shared")
    lines = list(clean(0, delete=True))
    assert any("which other clones may share: left alone." in line for line in lines)
    assert lines[-1] == "Deleted: 0.0 MB."
    assert everything(tmp_path / "shared") == before


def test_nothing_is_deleted_while_something_runs(here):
    before = objects(here)
    with one_command(), pytest.raises(FerflowError, match=r"or `clean` runs here"):
        list(clean(0, delete=True))
    copy = here / ".dvc/tmp/exps/tmpabc"
    copy.mkdir(parents=True)
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as experiment:
        experiment.stdout.readline()
        with pytest.raises(FerflowError, match=rf"an experiment runs .*process {experiment.pid}"):
            list(clean(0, delete=True))
        experiment.communicate(b"\n")
    locks = {"write": {"data": {"pid": os.getpid(), "cmd": "dvc repro"}}, "read": {}}
    (here / ".dvc/tmp/rwlock").write_text(json.dumps(locks))
    with pytest.raises(FerflowError, match="DVC runs the pipeline here"):
        list(clean(0, delete=True))
    assert objects(here) == before
