"""Which code this is, as Git says."""

import re
import subprocess
from pathlib import Path

import pytest

from ferflow.core.errors import FerflowError
from ferflow.core.git import (
    bundle,
    changed_since,
    code_commit,
    committed,
    committed_file,
    is_committed,
)
from ferflow.settings.new_project import new_project


def git(folder, *words):
    names = ["-c", "user.email=test@example.org", "-c", "user.name=test"]
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)


def test_the_commit_is_marked_where_the_code_differs_from_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [
        tmp_path / name for name in ("ferflow/a.py", "params.yaml", "dvc.lock", "metrics.json")
    ]
    files[0].parent.mkdir()
    for path in files:
        path.write_text("one")
    for words in (["init"], ["add", "--all"], ["commit", "--message", "one"]):
        git(tmp_path, *words)

    clean = code_commit()
    assert re.fullmatch(r"[0-9a-f]{12}", clean)
    for path in files[1:]:
        path.write_text("two")
    assert code_commit() == clean, "what a run keeps is not code"
    assert changed_since(clean) == []
    files[0].write_text("two")
    assert code_commit() == f"{clean}-dirty"
    assert changed_since(clean) == ["ferflow/a.py"]
    assert changed_since(f"{clean}-dirty") == []
    assert committed_file(Path("ferflow/a.py")) == "one"
    assert committed_file(Path("ferflow/b.py")) is None


def test_outside_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_commit() == "none"


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    """As outside a repository: the chain, `ferflow track` and `record` work all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_commit() == "none"
    assert changed_since("0123456789ab") == []
    assert committed_file(Path("dvc.yaml")) is None
    assert not is_committed("dvc.yaml")
    with pytest.raises(FerflowError, match="no Git commit"):
        committed([])


def test_a_project_that_git_does_not_begin_is_not_made(tmp_path, monkeypatch):
    (tmp_path / "gitconfig").write_text("no settings\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "faces").mkdir()
    with pytest.raises(FerflowError, match=r"`git init` failed \(fatal: bad config line 1 "):
        new_project(tmp_path / "mine", tmp_path / "faces", {})
    assert {path.name for path in tmp_path.iterdir()} == {"gitconfig", "faces"}


def test_a_clone_is_made_of_what_is_committed(tmp_path, monkeypatch):
    project = tmp_path / "repository/project"
    (project / "ferflow").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(FerflowError, match="no Git commit"):
        committed([])
    for name in ("ferflow/a.py", "presets.yaml", "params.yaml"):
        (project / name).write_text("one")
    for words in (["init", ".."], ["add", "--all"], ["commit", "--message", "one"]):
        git(project, *words)
    head, prefix = committed(["presets.yaml"])
    assert re.fullmatch(r"[0-9a-f]{40}", head) and prefix == "project/"
    assert is_committed("ferflow") and not is_committed("ferflow/b.py")

    (tmp_path / "bundle").write_bytes(bundle())
    git(tmp_path, "clone", "bundle", "clone")
    assert (tmp_path / "clone/project/ferflow/a.py").read_text() == "one"

    (project / "params.yaml").write_text("two")
    assert committed(["presets.yaml"]) == (head, prefix), "parameters are sent"
    (project / "presets.yaml").write_text("two")
    (project / "ferflow/b.py").write_text("two")
    with pytest.raises(FerflowError, match=r"uncommitted edits \(.*presets\.yaml, .*b\.py\)"):
        committed(["presets.yaml"])


def test_no_clone_is_made_of_a_shallow_one(tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    git(tmp_path / "whole", "init")
    for text in ("one", "two"):
        (tmp_path / "whole/params.yaml").write_text(text)
        git(tmp_path / "whole", "add", "--all")
        git(tmp_path / "whole", "commit", "--message", text)
    git(tmp_path, "clone", "--depth", "1", f"file://{tmp_path}/whole", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(FerflowError, match="git fetch --unshallow"):
        committed([])
