"""Compare metrics/metrics.json with the committed one; run by CI after `make repro`.

A processor with other instructions may round a gradient or a split threshold differently, so a
few of the 400 images of a split may fall on the other side.
"""

import json
import subprocess
import sys
from pathlib import Path

FILE = Path("metrics/metrics.json")
TOLERANCE = 0.03  # 12 images of 400
COMPARED = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "mcc", "top2_accuracy")


def main() -> None:
    show = ["git", "show", f"HEAD:{FILE}"]
    committed = json.loads(subprocess.run(show, check=True, capture_output=True).stdout)
    found = json.loads(FILE.read_text(encoding="utf-8"))
    if found["protocol"] != committed["protocol"]:
        sys.exit(f"the protocol differs: {found['protocol']} and {committed['protocol']}")
    worst = 0.0
    for split in ("train", "val", "test"):
        for name in COMPARED:
            difference = abs(found[split][name] - committed[split][name])
            worst = max(worst, difference)
            if difference > TOLERANCE:
                sys.exit(
                    f"{split} {name}: {found[split][name]}, committed {committed[split][name]}"
                )
    print(f"metrics as committed: the largest difference is {worst:.6f}")


if __name__ == "__main__":
    main()
