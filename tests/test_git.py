"""Which code this is, as Git says."""

import re
import subprocess
from pathlib import Path

from ferflow.core.git import changed_since, code_commit, committed_file


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
