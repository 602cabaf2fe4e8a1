"""The page of `ferflow app` under load: each picture is answered, memory and open files stay.

    python tests/soak_page.py --minutes 10 --rate 300

Needs what requirements-app.lock brings. Drawn faces, answered by the bundled model. Run by `make
soak-page`, and not by CI.
"""

import argparse
import json
import re
import sys
import tempfile
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import psutil
from test_servers import free_port, running

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.page.serve import MEMORY, SECONDS_KEPT

AT_ONCE = 8  # visitors who wait for an answer
MORE_MB = 20.0  # of memory at the end; 3,000 pictures that were kept would take 100
MORE_FILES = 5
LONGEST = 120  # seconds for an answer


@dataclass(frozen=True)
class Sample:
    """Of the page's process: megabytes, open files, seconds from the start."""

    at: float
    mb: float
    files: int


def pictures():
    """PNG files of 640 x 480 pixels, each with another drawn face."""
    found = []
    for number, face in enumerate(draw_faces(FER2013_LABELS * 3, seed=1)):
        picture = np.full((480, 640), 110, np.uint8)
        side = 180 + 5 * number
        picture[100 : 100 + side, 200 : 200 + side] = cv2.resize(face, (side, side))
        found.append(cv2.imencode(".png", picture)[1].tobytes())
    return found


def ask(url, content):
    """The bars' widths that the page shows for a picture, as a visitor's browser asks for them."""
    mark, visitor = uuid.uuid4().hex, uuid.uuid4().hex
    head = 'Content-Disposition: form-data; name="files"; filename="face.png"'
    head = f"--{mark}\r\n{head}\r\nContent-Type: image/png\r\n\r\n"
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    kind = f"multipart/form-data; boundary={mark}"
    (path,) = json.loads(send(f"{url}/gradio_api/upload", body, kind))
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    asked = {"data": [picture], "fn_index": 0, "session_hash": visitor}
    send(f"{url}/gradio_api/queue/join", json.dumps(asked).encode(), "application/json")
    said = send(f"{url}/gradio_api/queue/data?session_hash={visitor}")
    assert '"success":true' in said, said[:500]
    widths = re.findall(r"width:([\d.]+)%", said)
    assert len(widths) == len(FER2013_LABELS), said[:500]
    return tuple(widths)


def send(url, body=None, kind=""):
    request = urllib.request.Request(url, body, {"Content-Type": kind} if body else {})
    with urllib.request.urlopen(request, timeout=LONGEST) as opened:
        return opened.read().decode()


def load(url, page, minutes, rate):
    """Samples, the seconds that each answer took, and what went wrong."""
    contents, started = pictures(), time.monotonic()
    right = [ask(url, content) for content in contents]
    samples, taken, faults = [], [], []

    def visit(number):
        began, k = time.monotonic(), number % len(contents)
        try:
            assert ask(url, contents[k]) == right[k], "another answer than before"
        except Exception as error:
            faults.append(f"picture {number}: {type(error).__name__}: {error}")
        taken.append(time.monotonic() - began)

    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as visitors:
        for number in range(round(minutes * rate)):
            time.sleep(max(0.0, begin + number * 60 / rate - time.monotonic()))
            visitors.submit(visit, number)
            if number % max(1, rate // 60) == 0:
                at = time.monotonic() - started
                samples.append(Sample(at, page.memory_info().rss / 1e6, page.num_fds()))
    return samples, taken, faults


def check(samples):
    """Memory and open files at the end against those after the first fifth."""
    fifth = len(samples) // 5
    early, late = samples[fifth : 2 * fifth], samples[-fifth:]
    for name, most in (("mb", MORE_MB), ("files", MORE_FILES)):
        before, after = (median(getattr(s, name) for s in part) for part in (early, late))
        print(f"{name}: {before:.0f} after the first fifth, {after:.0f} at the end")
        assert after - before <= most, f"{name} grew by {after - before:.1f}"


def uploads():
    return {path for path in MEMORY.glob("tmp*/**/*") if path.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=300, help="pictures a minute")
    options = parser.parse_args()
    port = free_port()
    words = [sys.executable, "-m", "ferflow", "app", "--port", str(port)]
    before = uploads()
    with tempfile.TemporaryDirectory() as folder:
        with running(words, Path(folder), f"http://127.0.0.1:{port}"):
            (page,) = psutil.Process().children()
            url = f"http://127.0.0.1:{port}"
            samples, taken, faults = load(url, page, options.minutes, options.rate)
            time.sleep(SECONDS_KEPT + 2)
            left = uploads() - before
        log = (Path(folder) / "log").read_text()
    print(
        f"{len(taken):,} pictures, {options.rate} a minute; an answer took {median(taken):.2f} s, "
        f"the slowest {max(taken):.2f} s; lost: {len(faults)}"
    )
    assert not faults, faults[:5]
    assert len(taken) == round(options.minutes * options.rate)
    assert not left, f"uploads that stayed: {sorted(left)[:5]}"
    assert "Traceback" not in log, log[-3000:]
    check(samples)


if __name__ == "__main__":
    main()
