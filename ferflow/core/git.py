"""Git, asked which code this is."""

import subprocess
from pathlib import Path

_CODE = ("ferflow", "code", "stages", "dvc.yaml")


def code_commit() -> str:
    """The Git commit, '-dirty' where code differs from it, or 'none' outside Git.

    params.yaml differs from the commit in every run but the quickstart's, and dvc.lock and metrics
    with it; what they hold is kept with the run.
    """
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "none"
    return head + ("-dirty" if _git("status", "--porcelain", "--", *_CODE) else "")


def changed_since(commit: str) -> list[str]:
    """The code's files that differ now from a commit's; [] where Git does not know the commit.

    That of code with changes of its own ('-dirty') is not one.
    """
    return _git("diff", "--name-only", "--relative", commit, "--", *_CODE).splitlines()


def committed_file(file: Path) -> str | None:
    """The content of a file in the last commit; None where it has none, or there is no Git."""
    words = ["git", "show", f"HEAD:./{file.as_posix()}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
