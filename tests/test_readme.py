"""The README: its commands run as they are printed, and its links lead somewhere."""

import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
IN_CI = ["make repro", "make app"]  # .ci/run starts these


def blocks(path, language):
    """The blocks of code of a language on a page, set in or not."""
    found = re.findall(
        rf"^( *)```{language}\n(.*?)^\1```", path.read_text(encoding="utf-8"), re.S | re.M
    )
    return [dedent(text) for _, text in found]


def readme_commands():
    return [line for block in blocks(ROOT / "README.md", "sh") for line in block.splitlines()]


def test_it_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_readme_commands_run_as_printed(own, face_files, write_zip):
    """Those that CI starts are started there."""
    commands = readme_commands()
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    for command in IN_CI:
        assert command in commands and re.search(rf"^{command}( &.*)?$", steps, re.M)
    write_zip(own.folder.parent / "fer2013.zip", face_files)
    (own.folder / ".venv").symlink_to(sys.prefix)
    script = "\n".join(["set -x", *(line for line in commands if line not in IN_CI)])
    printed = own.run("bash", "-euo", "pipefail", "-c", script)
    (own.folder / ".venv").unlink()
    assert re.search(r"^docs/portrait\.jpg: happy 0\.\d\d, \d+x\d+ pixels at", printed, re.M)
    assert re.search(r"^  accuracy on test 0\.\d+ -> 0\.\d+ \(.* points\); ", printed, re.M)
    assert re.search(r"^metrics/metrics\.json +test\.accuracy ", printed, re.M)
    assert "above every published honest figure" in printed


def test_its_first_screen_says_what_people_think_of_the_labels():
    from ferflow.fer2013.perfect import perfect_score

    screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20]
    said = f"votes (FER+) for {perfect_score()['in_lead']} of PrivateTest's images"
    assert said in " ".join(screen)


def test_what_it_says_of_the_portrait_is_what_predict_says():
    from ferflow import Recognizer

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (face,) = Recognizer.bundled(threads=1)(ROOT / "docs/portrait.jpg")
    said = re.search(
        r"`docs/portrait\.jpg: (\w+) \d\.\d\d, (\d+)x(\d+) pixels at (\d+),(\d+)`", text
    )
    left, top, width, height = face.box
    assert said.groups() == (face.label, *map(str, (width, height, left, top)))
    assert face.label == "happy" and face.probabilities["happy"] > 0.7


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_its_links_lead_somewhere(path):
    made = re.compile(r"generated/|gallery/")  # by `make docs`
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target and not made.match(target):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_network_in_the_documentation_is_one(tmp_path, monkeypatch):
    import torch

    from ferflow.training.families.network import build_network

    (code,) = blocks(ROOT / "docs/own-network.md", "python")
    (tmp_path / "tiny.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    import tiny

    monkeypatch.setitem(sys.modules, "ferflow.training.architectures.tiny", tiny)
    for channels, side in ((1, 48), (3, 64)):
        built = build_network("tiny", 7, {"filters": 3}, channels)
        assert built(torch.zeros(2, channels, side, side)).shape == (2, 7)


def test_the_stage_in_the_documentation_runs(tmp_path, monkeypatch):
    import numpy as np
    import yaml

    from ferflow.core.split import Split, load_split, save_split

    params, script = blocks(ROOT / "docs/own-stage.md", "python")
    names = {}
    exec(params, names)
    monkeypatch.setitem(sys.modules, "ferflow.scale", type(sys)("ferflow.scale"))
    room = type(sys)("ferflow.scale.params")
    room.ScaleParams = names["ScaleParams"]
    monkeypatch.setitem(sys.modules, "ferflow.scale.params", room)
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("scale: {method: unit_length}\n")
    stage = {"__name__": "stages.scale"}
    exec(script, stage)
    words = np.array(["a", "b"])
    x = np.array([[3, 4], [0, 0]], np.float32)
    save_split(Path("in.safetensors"), Split(x, np.array([0, 1]), words, words, ("c", "d")))
    stage["main"](Path("in.safetensors"), Path("out.safetensors"))
    assert load_split(Path("out.safetensors")).x.tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]
    (entry,) = blocks(ROOT / "docs/own-stage.md", "yaml")
    assert yaml.safe_load(entry)["scale"]["params"] == ["scale"]
