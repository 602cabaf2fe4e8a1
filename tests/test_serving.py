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
from importlib.metadata import packages_distributions
from pathlib import Path

import cv2
import grimp
import mlflow
import numpy as np
import pytest
from recognition_data import FACES, picture_of

from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.recognizer import Recognizer
from ferflow.tracking.model import model_parts

# MLflow's own while it saves a model, which `track` does in a process of its own
pytestmark = pytest.mark.filterwarnings("ignore")

NOT_REACHED = {
    "filelock",  # by who writes, not by who asks a model
    "pillow_heif",  # the extra `media`, where it is installed
}
BROUGHT_ALONG = {"pydantic_core": "pydantic", "scipy": "scikit-learn"}


def in_base64(face, suffix=".png", end=None):
    return base64.b64encode(cv2.imencode(suffix, face)[1].tobytes()[:end]).decode()


def imported(*modules):
    """The packages that modules of ours import, themselves or by others of ours."""
    graph = grimp.build_graph("ferflow", include_external_packages=True, cache_dir=None)
    ours = {*modules}.union(*map(graph.find_upstream_modules, modules))
    ours = {module for module in ours if module.startswith("ferflow")}
    others = set().union(*map(graph.find_modules_directly_imported_by, ours)) - ours
    distributions = packages_distributions() | {"mlflow": ["mlflow"], "ruamel": ["ruamel.yaml"]}
    names = {name.split(".")[0] for name in others} - {*sys.stdlib_module_names, "ferflow"}
    found = {distributions[name][0] for name in names}
    return {BROUGHT_ALONG.get(name, name).lower() for name in found} - NOT_REACHED


@pytest.mark.parametrize("family", ["random_forest", "svm", "network"])
def test_the_model_names_the_packages_that_its_code_imports(family, tmp_path):
    about = {"family": family, "labels": list(FER2013_LABELS), "meta": {}}
    (tmp_path / "classifier.json").write_text(json.dumps(about))
    named = model_parts(tmp_path, in_base64(FACES[0]))["pip_requirements"]
    assert "+" not in "".join(named)
    names = {requirement.split("==")[0] for requirement in named}
    family = f"ferflow.training.families.{family}.family"
    on_windows_alone = {"psutil"}
    assert imported("ferflow.tracking.served_model", family) - names <= on_windows_alone


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
    for text, words in (("no base64", "must hold base64"), (cut_off, "not a readable picture")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(address, {"dataframe_records": [{"image": text}]})
        assert caught.value.code == 400
        answer = json.load(caught.value)
        assert words in answer["message"]
        assert "Traceback" not in json.dumps(answer)


def test_the_largest_face_is_found_where_that_is_asked_for(address, model_folder):
    both = picture_of(FACES[0], 100, (20, 20))
    both[200:440, 300:540] = cv2.resize(FACES[3], (240, 240))
    pictures = [{"image": in_base64(x)} for x in (both, np.full((90, 120), 100, np.uint8))]
    content = {"dataframe_records": pictures, "params": {"detect": True}}
    found, none = post(address, content)["predictions"]
    _, face = Recognizer(model_folder)(both)
    assert found == pytest.approx(face.probabilities)
    assert none == dict.fromkeys(FER2013_LABELS)
