"""The wheel, installed by itself and used outside any clone: what recognition needs, and no more.

The one test file that asks a package index; where there is none, it is skipped.
"""

import json
import os
import re
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
BUILT_BY = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "dvc.yaml")
PYTHON = os.environ.get("LIGHT_PYTHON", sys.executable)  # `make pythons`
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
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("ferflow", "presets", "stages", ".dvc/plots"):
        shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    for name in (*BUILT_BY, ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, source / name)
    pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder / "own"], check=True)
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


def test_it_brings_the_licences_of_what_it_bundles_once(light):
    found = [path.name for path in light.packages.glob("ferflow*/**/*LICENSE")]
    assert sorted(found) == ["LICENSE", "ferplus.LICENSE", "yunet.LICENSE"]


def test_the_command_speaks_of_itself(light):
    assert light.run("ferflow", "--version") == f"ferflow {version('ferflow')}\n"
    assert "predict" in light.run("ferflow", "--help")
    assert "--set" in light.run("ferflow", "use", "--help")


def test_presets_networks_and_figures_are_explained(light):
    assert all(name in light.run("ferflow", "presets") for name in ("quickstart", "svm-ckplus"))
    assert "15,619,783" in light.run("ferflow", "models")
    assert "dropout: 'three'" in light.run("ferflow", "models", "allconv")
    assert "above every published honest figure" in light.run("ferflow", "decode", "88.29%")


def test_answers_are_scored_without_a_data_set(light):
    lines = ["row,label", *(f"{row},happy" for row in range(32_298, 35_887))]
    (light.folder / "answers.csv").write_text("\n".join(lines))
    assert "3,573" in light.run("ferflow", "score", "answers.csv")


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


class Project:
    """The wheel's ferflow with the workflow's packages, and a folder outside any clone."""

    def __init__(self, environment, folder):
        (packages,) = environment.glob("lib/python*/site-packages")
        self.code, self.folder = folder / "installed", folder
        shutil.copytree(packages / "ferflow", self.code / "ferflow")
        foreign = {"DVC_ROOT", "MLFLOW_TRACKING_URI"}
        self.environment = {k: v for k, v in os.environ.items() if k not in foreign} | {
            "PYTHONPATH": str(self.code),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, *command, ok=True):
        """Run a command there; returns what it printed, on both streams."""
        return run(list(map(str, command)), self.folder, self.environment, ok=ok)

    def repro(self):
        """The stages that `dvc repro` runs."""
        return set(re.findall(r"^Running stage '(\w+)'", self.run("dvc", "repro"), re.MULTILINE))

    def commit(self):
        """Keep all that is not ignored, in Git."""
        self.run("git", "add", "--all")
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        self.run("git", *who, "commit", "--quiet", "--message", "test")


@pytest.mark.long
def test_a_project_of_ones_own_needs_no_clone(environment, tmp_path):
    project = Project(environment, tmp_path)
    expressions = ("happy", "sad", "surprise") * 25
    for i, face in enumerate(draw_faces(expressions, seed=1)):
        picture = tmp_path / "faces" / expressions[i] / f"{i}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), face)
    quick = ("data.split=fraction", "selection.n_ants=2", "selection.n_iterations=2")
    settings = [word for setting in quick for word in ("--set", setting)]
    project.run("ferflow", "new", "mine", "--data", "faces", *settings)
    project.folder = tmp_path / "mine"

    assert {"code", "download", "train", "evaluate", "track"} <= project.repro()
    project.commit()
    assert project.repro() == {"code"}
    assert not project.run("git", "status", "--porcelain")
    assert "mine" in project.run("ferflow", "track")
    shown = project.run("ferflow", "show")
    assert "git add --all" in shown and "make " not in shown

    project.run("ferflow", "use", "mine", "--set", "train.random_forest.n_estimators=20")
    assert project.repro() == {"code", "check", "train", "evaluate", "track"}
    assert "val.accuracy" in project.run("dvc", "metrics", "diff")

    with (project.code / "ferflow/evaluation/metrics.py").open("a") as upgraded:
        upgraded.write("\n# an upgrade\n")
    assert project.repro() == {"code", "evaluate"}
    project.commit()
    stages = {path.name for path in (project.folder / "stages").glob("*.py")}
    assert stages == {path.name for path in (ROOT / "stages").glob("*.py")}

    said = project.run("ferflow", "new", tmp_path / "mine", "--data", "faces", ok=False)
    assert said.endswith("mine already exists and is not empty. Choose another name.\n")
    said = project.run("ferflow", "new", "other", "--data", "nothing", ok=False)
    assert "nothing is not here" in said and not (project.folder / "other").exists()
    said = project.run("ferflow", "new", "a b", "--data", tmp_path / "faces", ok=False)
    assert (
        "a project's name must have only letters" in said and not (project.folder / "a b").exists()
    )
