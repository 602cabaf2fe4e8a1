"""Commands that only look something up start without the libraries that learn and draw."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ferflow.augment.operations import DRAWS
from ferflow.core.image_steps import COPIES, KINDS
from ferflow.training.shared.params import family_names

ROOT = Path(__file__).parents[1]
HEAVY = {
    "cv2",
    "dvc",
    "imblearn",
    "matplotlib",
    "mlflow",
    "onnx",
    "pandas",
    "pyarrow",
    "ruamel",
    "scipy",
    "sklearn",
    "skops",
    "torch",
    "transformers",
}


def heavy_after(code, *words, among=HEAVY):
    """Which of some modules a fresh interpreter holds after running the code."""
    end = f"import sys; print('heavy:', *sorted(sys.modules.keys() & {among}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{end}", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1].split()[1:]


CHECK = """
import sys
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.settings.check import check_params
params = read_yaml(PARAMS_FILE)
if sys.argv[1:]:
    params["train"]["family"] = sys.argv[1]
    if sys.argv[1] == "pretrained":
        params["train"]["pretrained"]["model"] = "somebody/model"
        for section, method in (("features", "pixels"), ("balance", "none"), ("selection", "none")):
            params[section]["method"] = method
check_params(params)
"""
COMMAND = """
import sys
from ferflow.cli import app
try:
    app()
except SystemExit as end:
    assert not end.code
"""


def test_the_quickstart_is_checked_without_them():
    assert heavy_after(CHECK) == []


@pytest.mark.parametrize("family", [name for name in family_names() if name != "network"])
def test_a_family_is_checked_without_them(family):
    assert heavy_after(CHECK, family) == []


@pytest.mark.parametrize("words", ["check", "presets", "models allconv", "decode 88.29%"])
def test_the_command_starts_without_them(words):
    assert heavy_after(COMMAND, *words.split()) == []


def test_help_needs_next_to_nothing():
    more = {"importlib.metadata", "numpy", "pydantic", "rich.markdown", "yaml"}
    assert heavy_after(COMMAND, "--help", among=HEAVY | more) == []
    assert heavy_after("import ferflow", among=HEAVY | more | {"typer", "typing"}) == []


def test_faces_are_read_with_opencv_alone():
    assert heavy_after(COMMAND, "predict", "docs/faces.png") == ["cv2"]
    assert heavy_after("from ferflow import Recognizer; Recognizer.bundled()") == ["cv2"]


def test_every_operation_that_may_be_named_can_be_drawn():
    assert list(DRAWS) == [name for name, kind in KINDS.items() if COPIES in kind.places]
