"""Malformed params.yaml, presets and --set: each fault named by its key, in a line."""

from copy import deepcopy
from pathlib import Path

import pytest
from hostile import refused

from ferflow.core.errors import ParamError
from ferflow.core.params import read_yaml
from ferflow.settings.check import check_params
from ferflow.settings.presets import compose, load_preset, parse_setting, use

pytestmark = pytest.mark.usefixtures("workplace")  # `refused` looks at all files in it

ROOT = Path(__file__).parents[1]
NUMBERS = (  # whole ones, fractions, of each section that has any
    "data.n_synthetic",
    "balance.k_neighbors",
    "selection.n_ants",
    "train.random_forest.n_estimators",
    "train.network.learning_rate",
    "evaluate.calibration_bins",
)
ODD_NUMBERS = {
    "text": "3",
    "nan": float("nan"),
    "infinity": float("inf"),
    "negative": -1,
    "list": [1],
    "section": {"value": 1},
    "true": True,
    "complex": "1 + 2j",
    "empty": "",
}
WORDS = ("data.source", "balance.method", "features.method", "train.family", "augment.copies")
ODD_WORDS = {"number": 7, "list": [["none"]], "section": {"a": 1}, "case": "NONE ", "path": "../x"}


@pytest.fixture(scope="module")
def params():
    return read_yaml(ROOT / "params.yaml")


def changed(params, key, value):
    tree = deepcopy(params)
    *sections, last = key.split(".")
    place = tree
    for section in sections:
        place = place[section]
    assert last in place
    place[last] = value
    return tree


@pytest.mark.parametrize("kind", ODD_NUMBERS)
@pytest.mark.parametrize("key", NUMBERS)
def test_what_is_no_number_in_range_is_named(params, key, kind):
    line = refused(check_params, changed(params, key, ODD_NUMBERS[kind]))
    assert key in line and ("must be" in line or "is not" in line)


@pytest.mark.parametrize("kind", ODD_WORDS)
@pytest.mark.parametrize("key", WORDS)
def test_what_is_no_legal_word_is_named(params, key, kind):
    line = refused(check_params, changed(params, key, ODD_WORDS[kind]))
    assert key in line


@pytest.mark.parametrize("section", ["data", "train", "train.svm", "selection", "compute"])
@pytest.mark.parametrize("value", [None, [], "x", 3, {}], ids=repr)
def test_a_section_that_is_none_is_named(params, section, value):
    tree = changed(params, section, value)
    with pytest.raises(ParamError, match=section.split(".")[0]) as caught:
        check_params(tree)
    assert all(line.startswith("params.yaml: ") for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> other\n", "is not valid YAML"),
        (b"seed: 1\nseed: 2\n", "is not valid YAML"),
        (b"seed: 1\n\tdata: 2\n", "is not valid YAML"),
        (b"seed: [1, 2\n", "is not valid YAML"),
        (b"seed: 'x\n", "is not valid YAML"),
        (b"seed: 1\n--- \nseed: 2\n", "is not valid YAML"),
        (b"\xff\xfes\0e\0e\0d\0", "is not valid YAML"),
        (b"seed: \xe4\n", "is not valid YAML"),
        (b"seed: 1\0\n", "is not valid YAML"),
        (b"? [a, b]\n: 1\n", "."),
        (b"1: 2\ntrue: 3\n", "is not valid YAML"),
        (b"1: 2\nnull: 4\n", "is not a section"),
        (b"- seed\n", "must hold named sections"),
        (b"just words\n", "must hold named sections"),
        (b"# nothing\n", "must hold named sections"),
        (b"", "must hold named sections"),
        (b"{}\n", "seed must be"),
    ],
)
def test_a_file_of_parameters_that_is_none_is_refused(tmp_path, content, message):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(ParamError, match=message) as caught:
        check_params(read_yaml(tmp_path / "params.yaml"))
    assert all(len(line) > 20 for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "about: [x]\nparams: {}\n",
        "about: x\nparams: [a, b]\n",
        "about: x\nparams: null\n",
        "about: x\nparams: {}\npaper: 3\n",
        "about: x\nparams: {}\nneeds: ck\n",
        "about: x\nparams: {}\nkeras: Generator\n",
        "about: x\nparams: {}\nextra: 1\n",
        "about: x\nparams: {}\nsweep: {a: 1}\n",
        "about: x\nparams: {}\nsweep: [[3]]\n",
        "- about\n",
        "",
        "about: x\n<<<<<<< HEAD\nparams: {}\n",
    ],
)
def test_a_preset_that_is_none_is_named(workplace, text):
    (workplace / "presets/mine.yaml").write_text(text)
    assert "presets/mine.yaml" in refused(load_preset, "mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params: {balance: {metod: none}}", "balance.metod"),
        ("params: {balance: none}", "balance"),
        ("params: {balance: {method: {deep: none}}}", "balance.method"),
        ("params: {nosuch: {a: 1}}", "nosuch"),
        ("params: {seed: -1}", "seed"),
        ("params: {train: {family: forest}}", "train.family"),
        ("params: {train.famly: svm}", "train.famly"),
        ("params: {3: 4}", "3"),
        ("params: {preset: other}", "preset"),
    ],
)
def test_what_a_preset_sets_must_be_legal(workplace, text, message):
    (workplace / "presets/mine.yaml").write_text(f"about: x\n{text}\n")
    assert message in refused(use, "mine", {})


@pytest.mark.parametrize(
    "text",
    ["", "=", "seed", "=1", "seed:1", "seed=[", "seed={a: 1", "seed=*a", "seed=!!python/none"],
)
def test_a_setting_that_is_none_is_refused(text):
    refused(parse_setting, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Seed=1", "seed"),
        ("seed.a=1", "seed"),
        ("data=1", "data"),
        ("data..n_synthetic=3", "data"),
        (".seed=1", "seed"),
        ("train.network.options.nosuch=1", "nosuch"),
        ("data.n_synthetic=", "data.n_synthetic"),
        ("data.path=/no/such/place", "/no/such/place"),
        ("features.backbone=./nowhere", "nowhere"),
        ("train.network.teachers=[./nowhere]", "nowhere"),
        ("data.classes_map={happy: 3}", "data.classes_map"),
        ("preset=svm", "preset"),
    ],
)
@pytest.mark.usefixtures("workplace")
def test_a_setting_that_cannot_be_is_named(text, message):
    assert message in refused(compose, "quickstart", dict([parse_setting(text)]))
