"""docs/architecture.md says what the tree, dvc.yaml and the contract of imports say."""

import re
import tomllib
from pathlib import Path

from ferflow.core.params import read_yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
ROOMS = {path.parent.name for path in ROOT.glob("ferflow/*/__init__.py")}


def section(title):
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_tree_has_a_line_for_each_room_and_no_other():
    lines = re.findall(r"^  ([a-z0-9]+)/ ", TEXT, re.MULTILINE)
    assert sorted(lines) == sorted(ROOMS | {"bundled"})


def test_the_contract_names_every_room_and_the_picture_shows_it():
    (contract,) = [entry for entry in CONTRACT["contracts"] if entry["id"] == "layers"]
    layers = [re.findall(r"ferflow\.(\w+)", layer) for layer in contract["layers"]]
    assert {room for layer in layers for room in layer} == ROOMS | {"cli"}
    picture = section("Who may import whom").split("```")[1]
    words = [word for word in re.findall(r"\w+", picture) if word in ROOMS | {"cli"}]
    assert list(dict.fromkeys(words)) == [room for layer in layers for room in layer]


def test_what_runs_again_is_what_dvc_yaml_says():
    told = {}
    for names, stages in re.findall(r"^\| (`ferflow/.*?) \| (.*?) \|$", TEXT, re.MULTILINE):
        for name in re.findall(r"`([\w/.]+)`", names):
            told[name] = set(re.findall(r"\w+", stages.split(" (")[0].split(", if ")[0]))
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    places = {"${train.family}": "NAME", "${train.network.architecture}": "NAME"}
    made = {}
    for stage, entry in stages.items():
        for dep in entry["deps"]:
            for place, name in places.items():
                dep = dep.replace(place, name)
            if dep.startswith("ferflow/"):
                made.setdefault(dep, set()).add(stage)
    of_evaluation = {
        name: made.pop(f"ferflow/evaluation/{name}.py") for name in ("protocol", "summary")
    }
    assert list(of_evaluation.values()) == [{"track"}] * 2
    assert told.pop("ferflow/core") == {"every", "stage", "but", "check"}
    assert made.pop("ferflow/core") == set(stages) - {"check"}
    assert told == made
