"""The logged model behind MLflow's own server."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pytest

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.tracking.mirror import model_parts

# MLflow's own while it saves a model, which `track` does in a process of its own
pytestmark = pytest.mark.filterwarnings("ignore")

FACES = draw_faces(FER2013_LABELS, seed=1)


def in_base64(face, suffix=".png", end=None):
    return base64.b64encode(cv2.imencode(suffix, face)[1].tobytes()[:end]).decode()


@pytest.fixture
def address(model_folder, tmp_path):
    """Where `mlflow models serve` answers, offline, for a model saved as `track` logs it."""
    parts = model_parts(model_folder, in_base64(FACES[0]))
    mlflow.pyfunc.save_model(tmp_path / "model", **parts)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = f"models serve --env-manager local --host 127.0.0.1 --port {port} --workers 1 -m"
    command = [shutil.which("mlflow", path=Path(sys.executable).parent), *words.split()]
    dropped = ("PYTHONPATH", "MLFLOW_TRACKING_URI")
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    environment = {k: v for k, v in os.environ.items() if k not in dropped} | offline
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, tmp_path / "model"],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the server has children
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                urllib.request.urlopen(f"{url}/ping").close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def post(url, content):
    request = urllib.request.Request(
        f"{url}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_a_picture_in_base64_is_answered_with_probabilities(address, model_folder):
    pictures = [{"image": in_base64(face)} for face in FACES[:2]]
    rows = post(address, {"dataframe_records": pictures})["predictions"]
    assert [list(row) for row in rows] == [list(FER2013_LABELS)] * 2
    expected = FaceClassifier(model_folder)(FACES[:2])
    assert np.allclose([list(row.values()) for row in rows], expected)
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    cut_off = in_base64(noise, ".jpg", -1)  # OpenCV alone would decode it
    for text, words in (("no base64", b"must hold base64"), (cut_off, b"not a readable picture")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(address, {"dataframe_records": [{"image": text}]})
        assert words in caught.value.read()
