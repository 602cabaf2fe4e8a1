"""params.yaml: what is wrong is refused, and said in words that name the cure."""

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from ferflow.core.errors import ParamError
from ferflow.core.legal import spell
from ferflow.core.params import (
    PARAMS_FILE,
    Record,
    flatten,
    load_params,
    load_seed,
    pick_section,
    pick_seed,
    read_yaml,
    repository_root,
)
from ferflow.training.shared.family import family_module
from ferflow.training.shared.params import family_names, load_family, pick_family


class Colony(Record):
    n_ants: int = Field(ge=1)
    rho: float = Field(ge=0, le=1)
    score: Literal["f1_macro", "accuracy"]


LEGAL = {"n_ants": 20, "rho": 0.2, "score": "f1_macro"}


def pick(**changes):
    return pick_section({"colony": LEGAL | changes}, "colony", Colony)


@pytest.fixture
def params_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text):
        content = text if isinstance(text, bytes) else text.encode()
        PARAMS_FILE.write_bytes(content)

    return write


def test_a_legal_section_becomes_a_frozen_record():
    colony = pick()
    assert (colony.n_ants, colony.rho, colony.score) == (20, 0.2, "f1_macro")
    with pytest.raises(ValidationError, match="frozen"):
        colony.n_ants = 3


def test_an_unknown_key_is_refused_with_the_nearest_and_all_legal_names():
    with pytest.raises(ParamError, match=r"colony\.n_ant is not a parameter") as caught:
        pick(n_ant=3)
    assert "Did you mean 'n_ants'?" in str(caught.value)
    assert "n_ants, rho, score" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_ants", "20"),
        ("n_ants", 20.0),
        ("n_ants", True),
        ("n_ants", None),
        ("rho", "0.2"),
        ("rho", float("nan")),
        ("rho", float("inf")),
        ("score", 1),
    ],
)
def test_a_wrong_type_is_refused_and_shown(key, value):
    with pytest.raises(ParamError, match=rf"params\.yaml: colony\.{key} must be ") as caught:
        pick(**{key: value})
    assert f"got {spell(value)}" in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("n_ants", 0), ("rho", 1.01), ("rho", -0.1)])
def test_an_impossible_value_is_refused_with_its_bound(key, value):
    with pytest.raises(ParamError, match=rf"colony\.{key} must be a .*number from (1|0 to 1);"):
        pick(**{key: value})


def test_a_misspelt_choice_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match="Did you mean 'f1_macro'") as caught:
        pick(score="f1-macro")
    assert "'accuracy'" in str(caught.value)


def test_a_missing_key_names_itself_and_the_cure():
    with pytest.raises(ParamError, match=r"colony\.rho is missing.*ferflow use"):
        pick_section({"colony": {"n_ants": 1, "score": "accuracy"}}, "colony", Colony)


@pytest.mark.parametrize("params", [{}, {"train": 3}, {"train": {}}])
def test_a_missing_section_is_named(params):
    with pytest.raises(ParamError, match=r"section 'train\.colony' is missing"):
        pick_section(params, "train.colony", Colony)


@pytest.mark.parametrize("content", [None, 3, [1]])
def test_a_section_must_hold_keys(content):
    with pytest.raises(ParamError, match="colony must be a section of keys"):
        pick_section({"colony": content}, "colony", Colony)


def test_every_fault_has_a_line_of_its_own():
    with pytest.raises(ParamError) as caught:
        pick(n_ants=0, rho="a", scores="accuracy")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("params.yaml: colony.") for line in lines)


def test_a_number_with_an_exponent_is_a_number_as_for_dvc(params_file):
    params_file("colony: {n_ants: 20, rho: 1e-4, score: accuracy}")
    assert load_params("colony", Colony).rho == 0.0001


def test_yes_is_a_word_as_in_yaml_1_2(params_file):
    params_file("answer: yes")
    assert read_yaml(PARAMS_FILE) == {"answer": "yes"}


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: 1\na: 2",
        "a: *nowhere",
        "a: !!python/object/apply:os.system [ls]",
        b"a: \xff",
        "a: 2024-99-99",
    ],
    ids=["unclosed", "duplicate", "alias", "code", "not utf-8", "no date"],
)
def test_text_that_is_not_sound_yaml_is_refused_in_one_line(params_file, text):
    params_file(text)
    with pytest.raises(ParamError, match=r"params\.yaml is not valid YAML") as caught:
        read_yaml(PARAMS_FILE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "3", "- a"])
def test_a_file_without_sections_is_refused(params_file, text):
    params_file(text)
    with pytest.raises(ParamError, match="must hold named sections"):
        read_yaml(PARAMS_FILE)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamError, match="Run this from the repository's root") as caught:
        load_seed()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_legal_seed_is_read(params_file, seed):
    params_file(f"seed: {seed}")
    assert load_seed() == seed


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", True, None])
def test_a_seed_that_is_no_whole_number_in_range_is_refused(seed):
    with pytest.raises(ParamError, match="seed must be a whole number"):
        pick_seed({"seed": seed})


def test_flatten_joins_nested_keys_with_dots():
    nested = {"seed": 1, "train": {"family": "f", "f": {"depth": None, "list": [1]}}}
    assert flatten(nested) == {
        "seed": 1,
        "train.family": "f",
        "train.f.depth": None,
        "train.f.list": [1],
    }


def test_the_repository_is_where_dvc_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert repository_root() == tmp_path
    monkeypatch.setenv("DVC_ROOT", "/elsewhere")
    assert str(repository_root()) == "/elsewhere"


def train_section(**changes):
    forest = {
        "n_estimators": 5,
        "max_depth": None,
        "min_samples_leaf": 1,
        "max_features": "sqrt",
        "class_weight": None,
    }
    search = {
        "method": "none",
        "grid": [],
        "n_candidates": 20,
        "folds": None,
        "score": "f1_macro",
    }
    shared = {"family": "random_forest", "add_validation": False, "search": search}
    return {"train": shared | {"random_forest": forest} | changes}


def test_a_family_is_read_with_its_own_section_only():
    shared, params = pick_family(train_section())
    assert shared.family == "random_forest"
    assert params.model_dump() == train_section()["train"]["random_forest"]


@pytest.mark.usefixtures("workplace")
def test_the_committed_family_is_legal():
    assert load_family()[0].family in family_names()


def test_every_family_offers_what_the_stages_call():
    for name in family_names():
        module = family_module(name)
        assert issubclass(module.Params, Record)
        assert all(callable(getattr(module, f)) for f in ("fit", "predict_proba", "save", "load"))


def test_an_unknown_family_module_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match="Did you mean 'random_forest'"):
        family_module("random_forrest")


def test_a_misspelt_family_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match=r"train\.family must be one of") as caught:
        pick_family(train_section(family="random_forrest"))
    assert "got 'random_forrest'. Did you mean 'random_forest'?" in str(caught.value)


def test_an_unknown_key_in_train_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match=r"train\.randomforest is not a parameter") as caught:
        pick_family(train_section(randomforest={}))
    assert "Did you mean 'random_forest'?" in str(caught.value)


def test_a_fault_inside_a_family_is_named_with_its_full_key():
    forest = train_section()["train"]["random_forest"] | {"n_estimators": 0}
    with pytest.raises(ParamError, match=r"train\.random_forest\.n_estimators must be"):
        pick_family(train_section(random_forest=forest))


@pytest.mark.parametrize("section", [None, 3, {}, {"family": None}, {"family": ["random_forest"]}])
def test_a_train_section_without_a_family_is_refused(section):
    with pytest.raises(ParamError, match=r"train\.family must be one of"):
        pick_family({"train": section})
