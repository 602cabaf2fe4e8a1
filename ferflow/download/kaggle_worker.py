"""Fetches a Kaggle data set in a process of its own, which `kaggle.py` starts and can end.

usage: kaggle_worker.py HANDLE ANSWER, if ANSWER is the JSON file to write.
"""

import json
import sys
from pathlib import Path


def main(handle: str, answer: Path) -> None:
    """Write {"folder": ...} or {"error": ...}."""
    try:
        import kagglehub

        said = {"folder": str(kagglehub.dataset_download(handle))}
    except Exception as error:  # whatever it is, the other process tells the user
        said = {"error": f"{type(error).__name__}: {error}"}
    answer.write_text(json.dumps(said), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
