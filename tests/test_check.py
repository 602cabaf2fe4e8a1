"""`ferflow check`: every family's section, and messages that name what is legal."""

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from ferflow.core.errors import ParamError
from ferflow.core.legal import Legal
from ferflow.core.params import PARAMS_FILE, Record, flatten, from_root, read_yaml
from ferflow.settings.check import check_params
from ferflow.settings.presets import use
from ferflow.training.shared.params import family_names

pytestmark = pytest.mark.usefixtures("workplace")


def refused(**changes):
    """The message about params.yaml with changes at dotted keys ('__' for a dot)."""
    params = read_yaml(PARAMS_FILE)
    for key, value in changes.items():
        *sections, last = key.split("__")
        place = params
        for section in sections:
            place = place[section]
        place[last] = value
    with pytest.raises(ParamError) as caught:
        check_params(params)
    return str(caught.value)


@pytest.mark.parametrize("family", family_names())
def test_every_familys_section_is_checked_not_only_the_chosen_ones(family):
    assert read_yaml(PARAMS_FILE)["train"]["family"] == "random_forest"
    message = refused(**{f"train__{family}__gama": 1})
    assert f"params.yaml: train.{family}.gama is not a parameter." in message


def test_an_impossible_value_of_another_family_is_named():
    assert refused(train__svm__C=-5) == (
        "params.yaml: train.svm.C must be a number above 0; got -5."
    )
    message = refused(train__svm__C=-5, train__network__epochs=0, train__svm__gama=1)
    assert len(message.splitlines()) == 3
    assert "Did you mean 'gamma'?" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data__defects": "no"},
            "data.defects must be true or false; got 'no'. Did you mean false?",
        ),
        ({"data__defects": "yess"}, "data.defects must be true or false; got 'yess'."),
        (
            {"train__random_forest__max_depth": "none"},
            "train.random_forest.max_depth must be a whole number from 1 or null; got 'none'. "
            "Did you mean null?",
        ),
        (
            {"train__random_forest__max_features": "log3"},
            "train.random_forest.max_features must be 'sqrt', 'log2' or null; got 'log3'. "
            "Did you mean 'log2'?",
        ),
        ({"data__path": 3}, "data.path must be text or null; got 3."),
        (
            {"data__val_fraction": True},
            "data.val_fraction must be a number from 0.01 to 0.5; got true.",
        ),
        (
            {"preprocess__max_black_white": 1},
            "preprocess.max_black_white must be a number from 0 to below 1 or null; got 1.",
        ),
        (
            {"data__n_synthetic": None},
            "data.n_synthetic must be a whole number from 200 to 1,000,000; got null.",
        ),
        (
            {"evaluate__splits": ["tran"]},
            "evaluate.splits.0 must be 'train', 'val' or 'test'; got 'tran'. Did you mean 'train'?",
        ),
        (
            {"train__svm__gamma": "scales"},
            "train.svm.gamma must be a number, 'scale' or 'auto'; got 'scales'. "
            "Did you mean 'scale'?",
        ),
        (
            {"train__search__folds": 1},
            "train.search.folds must be a whole number from 2 to 20 or null; got 1.",
        ),
        (
            {"preprocess__classes": "happy"},
            "preprocess.classes must be a list (each text) or null; got 'happy'.",
        ),
        ({"data__classes_map": []}, "data.classes_map must be a section of keys; got []."),
        ({"data__classes_map": {"a": 1}}, "data.classes_map.a must be text; got 1."),
        *(
            (
                {"data__classes_map": {word: name}},
                "data.classes_map: a class and its new name must not be blank. Legal: {class of "
                f"the data: new name}}, such as {{anger: angry}}; got {{{word!r}: {name!r}}}.",
            )
            for word, name in (("happy", ""), ("happy", "  "), ("", "happy"))
        ),
        ({"augment": 3}, "augment must be a section of keys; got 3."),
    ],
    ids=str,
)
def test_a_message_names_the_legal_values_once(change, message):
    assert refused(**change) == f"params.yaml: {message}"


def test_limits_are_said_as_people_say_them():
    class Limits(Record):
        below: Annotated[float, Field(lt=2)]
        most: int = Field(le=9)
        three: list[int] = Field(min_length=3, max_length=3)
        some: list[Literal["a"]] = Field(min_length=1)

    words = {key: str(Legal(Limits, (key,))) for key in Limits.model_fields}
    assert words == {
        "below": "a number below 2",
        "most": "a whole number up to 9",
        "three": "a list of 3 entries (each a whole number)",
        "some": "a list of 1 or more entries (each 'a')",
    }


def test_the_home_folder_is_found_behind_a_tilde(tmp_path, zip_of_faces, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    use("quickstart", {"data.path": f"~/{zip_of_faces.name}"})
    assert read_yaml(PARAMS_FILE)["data"]["path"] == str(zip_of_faces)
    assert from_root(f"~/{zip_of_faces.name}") == zip_of_faces
    assert from_root("~nobody.there/x") == Path.cwd() / "~nobody.there/x"


@pytest.mark.parametrize(
    ("key", "preset"),
    [
        ("features.backbone", "quickstart"),
        ("train.pretrained.model", "quickstart"),
        ("train.network.options.backbone", "finetune"),
        ("train.network.options", "finetune"),
    ],
)
def test_so_is_a_networks_folder(tmp_path, zip_of_faces, monkeypatch, key, preset):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net").mkdir()
    (tmp_path / "net/config.json").write_text("{}")
    value = {"backbone": "~/net"} if key == "train.network.options" else "~/net"
    use(preset, {"data.path": str(zip_of_faces), key: value})
    written = flatten(read_yaml(PARAMS_FILE))
    key = f"{key}.backbone" if isinstance(value, dict) else key
    assert written[key] == str(tmp_path / "net")
    assert written[f"{key}_sha256"] is not None


@pytest.mark.parametrize("family", ["network", "pretrained"])
def test_a_family_that_takes_images_is_not_handed_other_numbers(family):
    plain = {"features__method": "pixels", "balance__method": "none", "selection__method": "none"}
    own = {"train__family": family, "train__pretrained__model": "somebody/model"}
    for key, value in (
        ("features__method", "hog"),
        ("balance__method", "smote"),
        ("selection__method", "ant_colony"),
    ):
        message = refused(**own, **(plain | {key: value}))
        assert f"train.family {family} takes images as they are: set features.method" in message
        assert value in message


def test_a_section_that_a_stage_of_ones_own_reads_is_legal():
    params = read_yaml(PARAMS_FILE) | {"scale": {"method": "unit_length"}}
    with pytest.raises(ParamError, match="scale is not a section"):
        check_params(params)
    stages = {"scale": {"cmd": "python -m stages.scale", "params": ["seed", "scale.method"]}}
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    check_params(params)
    with pytest.raises(ParamError, match="scael is not a section"):
        check_params(params | {"scael": {}})


@pytest.mark.parametrize(
    "stages", [None, [], {"a": None}, {"a": {"params": None}}, {"a": {"params": [{"b.yaml": []}]}}]
)
def test_a_dvc_yaml_without_such_a_stage_makes_no_section_legal(stages):
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    with pytest.raises(ParamError, match="scale is not a section"):
        check_params(read_yaml(PARAMS_FILE) | {"scale": {}})


def test_names_of_classes_are_free_to_map():
    use("quickstart", {"data.classes_map": {"anger": "angry", 1: "surprise"}})
    names = read_yaml(PARAMS_FILE)["data"]["classes_map"]
    assert names == {"anger": "angry", "1": "surprise"}
    params = read_yaml(PARAMS_FILE)
    params["data"]["classes_map"] = {1: "surprise"}
    check_params(params)
    mixed = refused(data__classes_map={"anger": "angry", 1: "surprise"})
    assert mixed.endswith("numbers among words need quotes: '1': surprise.")
    use("quickstart", {"data.classes_map.anger": "angry"})
    assert read_yaml(PARAMS_FILE)["data"]["classes_map"] == {"anger": "angry"}
