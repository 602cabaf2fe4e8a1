"""What newer packages change: versions, files that the chain makes, scores. For `make lock-newest`.

Runs in a clone where requirements.lock is new and the chain was run; committed there is the old.
Ends with an error where a score moves by more than `compare_metrics.TOLERANCE`.
"""

import subprocess
from pathlib import Path

from benchmarks.same_results import made
from tests import compare_metrics


def main() -> None:
    """Print what differs, then compare the scores."""
    for title, file, read in (
        ("packages", "requirements.lock", pins),
        ("files of the quickstart", "dvc.lock", lambda text: dict(made(text))),
    ):
        show = ["git", "show", f"HEAD:{file}"]
        old = subprocess.run(show, check=True, capture_output=True, text=True).stdout
        before, now = read(old), read(Path(file).read_text(encoding="utf-8"))
        lines = changes(before, now)
        print(f"{title}: {len(lines)} of {len(before | now)} differ", *lines, sep="\n  ")
    compare_metrics.main()


def pins(text: str) -> dict[str, str]:
    """Name -> version of the lines name==version."""
    return dict(line.split("==") for line in text.splitlines() if "==" in line)


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """'name: old -> new' of what differs, by name; 'none' where it is absent."""
    names = sorted(before.keys() | now.keys())
    values = ((name, before.get(name, "none"), now.get(name, "none")) for name in names)
    return [f"{name}: {old} -> {new}" for name, old, new in values if old != new]


if __name__ == "__main__":
    main()
