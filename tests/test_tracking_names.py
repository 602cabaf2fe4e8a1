"""Any class name reaches MLflow under a legal one, the same each time, and no two under one."""

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from ferflow.tracking.names import leaves, legal_part

ODD = [
    "happy (posed)",
    "sad, tired",
    "sad; tired",
    "50% surprise",
    "50\N{PERCENT SIGN} surprise ",
    "a/b",
    "a:b",
    "..",
    ".",
    "",
    " x",
    "x.",
    "x" * 300,
    "x" * 301,
]


@pytest.mark.parametrize("word", ["happy", "Freude", "été", "1", "a-b_c d", "v1.5", "悲しみ"])
def test_what_mlflow_takes_keeps_its_name(word):
    assert legal_part(word) == word
    _validate_metric_name(f"test/per_class/{word}/f1")


def test_every_other_name_becomes_one_of_its_own():
    names = {word: f"test_tta/per_class/{legal_part(word)}/precision" for word in ODD}
    for name in names.values():
        _validate_metric_name(name)
        _validate_param_name(name.replace("/", "."))
        assert len(name) <= 250
    assert len(set(names.values())) == len(ODD)


def test_a_name_is_the_same_each_time():
    assert legal_part("happy (posed)") == "happy _posed_-096cb1"
    assert legal_part("50% surprise").startswith("50_ surprise-")


def test_mlflow_refuses_the_names_as_they_are():
    """Else this module were not needed."""
    for word in ODD[:4]:
        with pytest.raises(MlflowException):
            _validate_metric_name(f"test/per_class/{word}/f1")


def test_nested_sections_become_paths():
    content = {"test": {"per_class": {"a, b": {"f1": 0.5}, "c.d": {"f1": 1.0}}}, "n": 3}
    assert dict(leaves(content, "/")) == {
        f"test/per_class/{legal_part('a, b')}/f1": 0.5,
        "test/per_class/c.d/f1": 1.0,
        "n": 3,
    }
    assert dict(leaves({"data": {"classes_map": {}, "path": None}}, ".")) == {"data.path": None}
