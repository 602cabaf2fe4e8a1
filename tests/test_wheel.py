"""The wheel, installed by itself and used outside any clone: what recognition needs, and no more.

The one test file that asks a package index; where there is none, it is skipped.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import cv2
import pytest
from recognition_data import picture_of
from repository import run

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS

ROOT = Path(__file__).parents[1]
LEFT_OUT = {
    "av",
    "dvc",
    "gradio",
    "imbalanced-learn",
    "matplotlib",
    "mlflow",
    "onnx",
    "pandas",
    "pillow-heif",
    "pyarrow",
    "ruamel-yaml",
    "scikit-learn",
    "scipy",
    "skl2onnx",
    "skops",
    "torch",
    "transformers",
}
SHARE = 6  # the workflow's bytes are at least so many times the light installation's


class Light:
    """An environment with the wheel and what it asks for, and a folder outside any clone."""

    def __init__(self, environment, folder):
        self.bin = environment / "bin"
        self.packages = next(environment.glob("lib/python*/site-packages"))
        self.folder = folder

    def run(self, *command, ok=True):
        """Run a command of the environment; returns what it printed, on both streams."""
        foreign = {"PYTHONPATH", "DVC_ROOT", "VIRTUAL_ENV"}
        own = {k: v for k, v in os.environ.items() if k not in foreign} | {"COLUMNS": "200"}
        return run([self.bin / command[0], *map(str, command[1:])], self.folder, own, ok=ok)

    def line(self, *words):
        """The one line that a command which fails prints."""
        (line,) = self.run("ferflow", *words, ok=False).splitlines()
        return line


def pip(*words):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, words)],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode and "connection broken" in done.stdout:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools leaves its own beside what it builds
    for name in ("ferflow", "presets"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "own"], check=True)
    (wheel,) = folder.glob("*.whl")
    constraints = ["--constraint", ROOT / "requirements.lock"]
    pip("--python", folder / "own/bin/python", "install", *constraints, wheel)
    yield folder / "own"
    shutil.rmtree(folder)


@pytest.fixture
def light(environment, tmp_path):
    picture = cv2.imencode(".png", picture_of(draw_faces(FER2013_LABELS, seed=1)[3]))[1]
    (tmp_path / "face.png").write_bytes(picture.tobytes())
    return Light(environment, tmp_path)


def n_bytes(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def test_it_brings_nothing_of_the_workflow_and_a_sixth_of_its_bytes(light):
    named = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    installed = set(light.run("python", "-c", named).replace("_", "-").replace(".", "-").split())
    assert {"ferflow", "numpy", "onnxruntime", "opencv-python-headless"} <= installed
    assert not installed & LEFT_OUT
    workflow = Path(sysconfig.get_path("purelib"))  # of the environment that runs the tests
    assert n_bytes(light.packages) * SHARE < n_bytes(workflow)


def test_the_command_speaks_of_itself(light):
    assert light.run("ferflow", "--version") == f"ferflow {version('ferflow')}\n"
    assert "predict" in light.run("ferflow", "--help")
    assert "--set" in light.run("ferflow", "use", "--help")


def test_presets_networks_and_figures_are_explained(light):
    assert all(name in light.run("ferflow", "presets") for name in ("quickstart", "svm-ckplus"))
    assert "15,619,783" in light.run("ferflow", "models")
    assert "dropout: 'three'" in light.run("ferflow", "models", "allconv")
    assert "above every published honest figure" in light.run("ferflow", "decode", "88.29%")


def test_a_face_is_found_and_named(light):
    found = json.loads(light.run("ferflow", "predict", "face.png", "--json"))
    (face,) = found["faces"]
    assert face["label"] in FER2013_LABELS
    code = "from ferflow import Recognizer; print(Recognizer.bundled()('face.png')[0].label)"
    assert light.run("python", "-c", code) == f"{face['label']}\n"


@pytest.mark.parametrize("command", ["use quickstart", "check", "show", "report", "export"])
def test_a_command_of_the_workflow_names_the_extra(light, command):
    line = light.line(*command.split())
    assert line.startswith(f"error: ferflow {command.split()[0]} needs the workflow for this, and ")
    assert line.endswith(" is not installed: pip install 'ferflow[workflow]'.")


def test_so_does_an_option_that_needs_it(light):
    matrix, folder = ROOT / "ferflow/claims/fernet_test.csv", ROOT / "ferflow/bundled"
    for words in (["decode", "--confusion", matrix], ["predict", "--model", folder, "face.png"]):
        assert ": pip install 'ferflow[workflow]'." in light.line(*words)


def test_the_page_names_its_extra(light):
    assert light.line("app").endswith("pip install 'ferflow[app]'.")
