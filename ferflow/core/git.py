"""Git, asked which code this is."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from ferflow.core.errors import FerflowError

_CODE = ("ferflow", "code", "stages", "dvc.yaml")


def code_commit(folder: Path | None = None) -> str:
    """The Git commit, '-dirty' where code differs from it, or 'none' outside Git.

    folder : the project; None is the current one.
    params.yaml differs from the commit in every run but the quickstart's, and dvc.lock and metrics
    with it; what they hold is kept with the run.
    """
    head = _git("rev-parse", "--short=12", "HEAD", folder=folder)
    if not head:
        return "none"
    changed = _git("status", "--porcelain", "--", *_CODE, folder=folder)
    return head + ("-dirty" if changed else "")


def changed_since(commit: str) -> list[str]:
    """The code's files that differ now from a commit's; [] where Git does not know the commit.

    That of code with changes of its own ('-dirty') is not one.
    """
    return _git("diff", "--name-only", "--relative", commit, "--", *_CODE).splitlines()


def committed_file(file: Path) -> str | None:
    """The content of a file in the last commit; None where it has none, or there is no Git."""
    return _answer("show", f"HEAD:./{file.as_posix()}")


def committed(more: Iterable[str]) -> tuple[str, str]:
    """The full hash of the present commit, and this folder's path in its repository ('' or 'a/').

    more : files and folders that, beside the code, must be as they are committed.
    Raises FerflowError outside Git, where something differs, or where the history is cut off.
    """
    head = _git("rev-parse", "HEAD")
    if not head:
        raise FerflowError("there is no Git commit here, which a worker could clone: commit first.")
    if changed := _git("status", "--porcelain", "--", *_CODE, *more).splitlines():
        names = ", ".join(line.split(maxsplit=1)[-1] for line in changed[:5])
        raise FerflowError(
            f"uncommitted edits ({names}{', ...' if changed[5:] else ''}): workers clone the "
            "commit. Commit them, or put them aside (git stash)."
        )
    if _git("rev-parse", "--is-shallow-repository") == "true":
        raise FerflowError(
            "this clone is shallow, and no clone can be made of it. First: git fetch --unshallow"
        )
    return head, _git("rev-parse", "--show-prefix")


def is_committed(path: str) -> bool:
    """Whether a file, or something in a folder, is part of the repository."""
    return bool(_git("ls-files", "--", path))


def bundle() -> bytes:
    """The present commit with its history, as a file that `git clone` takes."""
    top = _git("rev-parse", "--show-toplevel")  # below it, Git takes '-' for a file's name
    command = ["git", "bundle", "create", "--quiet", "-", "HEAD"]
    made = subprocess.run(command, cwd=top, capture_output=True, check=False)
    if made.returncode:
        raise FerflowError(f"git bundle failed: {made.stderr.decode(errors='replace').strip()}")
    return made.stdout


def _git(*words: str, folder: Path | None = None) -> str:
    return (_answer(*words, folder=folder) or "").strip()


def _answer(*words: str, folder: Path | None = None) -> str | None:
    """What Git prints; None where it fails, or is not installed."""
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")
