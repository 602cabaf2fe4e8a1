"""The language of augmentation: what is read, what is refused, and older builds' words."""

import math
import re

import pytest

from ferflow.augment.params import AugmentParams
from ferflow.core.errors import ParamError
from ferflow.core.image_steps import BATCHES, COPIES, KINDS, Step, in_units, parse_steps
from ferflow.core.params import pick_section
from ferflow.training.shared.policy import check_policy

pytestmark = pytest.mark.quick


def refused(entries, place):
    with pytest.raises(ValueError) as caught:
        (check_policy if place == BATCHES else lambda e: parse_steps(e, COPIES))(entries)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_every_default_is_a_legal_amount_and_comes_back_as_written(name):
    for place in KINDS[name].places:
        (step,) = parse_steps([name], place)
        assert step == Step(name, KINDS[name].default)
        assert parse_steps([step.written], place) == [step]
        if isinstance(step.amount, tuple):
            assert parse_steps([{name: list(step.amount)}], place) == [step]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("horizontal_flip", "horizontal_flip"),
        ("rotation", {"rotation_degrees": 10}),
        ({"rotation": 40}, {"rotation_degrees": 40}),
        ({"shift": 0.2}, {"shift_share": 0.2}),
        ("zoom", {"zoom_share": 0.2}),
        ({"brightness": [0.2, 1.5]}, {"brightness_factors": [0.2, 1.5]}),
    ],
)
@pytest.mark.parametrize("place", [COPIES, BATCHES])
def test_the_words_of_older_builds_are_read(old, new, place):
    assert parse_steps([old], place) == parse_steps([new], place)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("crop_pad", "crop_pad_share", COPIES),
        ({"turn": -90}, {"turn_degrees": -90}, COPIES),
        ({"scale": 0.7}, {"scale_factor": 0.7}, COPIES),
        ({"erasing": 0.25}, {"erasing_chance": 0.25}, BATCHES),
        ("contrast", "contrast_factors", BATCHES),
    ],
)
def test_so_are_those_of_one_place(old, new, place):
    assert parse_steps([old], place) == parse_steps([new], place)


@pytest.mark.parametrize(
    ("old", "slope"), [("shear", 0.2), ({"shear": 0.1}, 0.1), ({"shear": 1}, 1)]
)
def test_an_old_shear_was_a_slope(old, slope):
    (step,) = parse_steps([old], BATCHES)
    assert step.name == "shear_degrees"
    assert math.tan(math.radians(step.amount)) == pytest.approx(slope)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["rotat"], "'rotat' is not a step in copies.*Legal: horizontal_flip, rotation_degrees"),
        ([{"rotation_degres": 3}], "Did you mean 'rotation_degrees'?"),
        ([{"rotation": "ten"}], "rotation_degrees must be degrees, .* 0 to 180, not 0; got 'ten'"),
        ([{"rotation_degrees": 181}], "got 181. An example: rotation_degrees: 10"),
        ([{"rotation_degrees": -5}], "got -5"),
        ([{"rotation_degrees": 0}], "not 0; got 0"),
        ([{"rotation_degrees": True}], "got True"),
        ([{"rotation_degrees": None}], "got None"),
        ([{"rotation_degrees": float("nan")}], "got nan"),
        ([{"rotation_degrees": [1, 2]}], r"got \[1, 2\]"),
        ([{"brightness_factors": 0.5}], "two factors .* got 0.5"),
        ([{"brightness_factors": [1.5, 0.5]}], r"got \[1.5, 0.5\]"),
        ([{"brightness_factors": [0.5, 0.7, 1]}], "two factors"),
        ([{"shift_share": 5}], "a share of the side (not pixels, not per cent), .* got 5"),
        ([{"shear": 20}], "shear must be a slope (degrees are named shear_degrees: 10).*got 20"),
        ([{"shear_degrees": 60}], "degrees (a slope of 0.2 is 11.3).* 0 to 45.*got 60"),
        ([{"turn_degrees": 270}], "-180 to 180"),
        ([{"scale_factor": 0}], "0.1 to 4"),
        ([{"horizontal_flip": 1}], "horizontal_flip takes no amount; got 1"),
        ([{"rotation_degrees": 1, "shift_share": 0.1}], "a step is a name, or a name with its"),
        ([{}], "a step is a name"),
        ([3], "a step is a name"),
        ([{3: 3}], "'3' is not a step"),
        ([{None: 3}], "'None' is not a step"),
        ("rotation", "must be a list, such as"),
        (None, "must be a list"),
        (["erasing_chance"], "'erasing_chance' has no meaning in copies.*Legal: horizontal_flip"),
        ([{"fill": "reflect"}], "'fill' has no meaning in copies"),
    ],
)
def test_a_wrong_copy_is_refused_in_one_line(entries, said):
    message = refused(entries, COPIES)
    assert re.search(said.replace("(", r"\(").replace(")", r"\)"), message), message


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["turn_degrees"], "'turn_degrees' has no meaning in batches.*Legal: .*fill"),
        ([{"crop_pad": 0.1}], "'crop_pad' has no meaning in batches"),
        ([{"fill": "reflekt"}], "fill must be edge or reflect; got 'reflekt'.*'reflect'"),
        ([{"fill": ["edge"]}], "fill must be edge or reflect"),
        (["zoom_share", "stretch_share"], "exclude each other"),
        (["zoom", {"zoom_share": 0.1}], "twice: zoom_share"),
        (["stretch_levels"], "needs brightness_factors.*got .*brightness_factors: .1, 1. leaves"),
        ([{"shear": 20}], "shear must be a slope .* 0 to 1; got 20"),
        (
            ["horizontal_flip", {"fill": "reflect"}],
            "fill says what comes in.*needs one of rotation_degrees, shift_share, zoom_share, "
            "stretch_share, shear_degrees; got .*Leave fill out",
        ),
    ],
)
def test_a_wrong_policy_is_refused_in_one_line(entries, said):
    assert re.search(said, refused(entries, BATCHES))


def test_nothing_to_draw_is_legal_in_a_batch():
    assert check_policy([{"shift": 0}, {"brightness": [0, 1.5]}])


def test_the_sections_fault_names_its_key():
    section = {"augment": {"copies": ["rotate"], "fill_rare": "none"}}
    with pytest.raises(ParamError, match=r"params.yaml: augment\.copies: 'rotate' is not a step"):
        pick_section(section, "augment", AugmentParams)


def test_parameters_of_an_older_build_are_put_into_units():
    older = {
        "augment.copies": [{"turn": 90}],
        "evaluate.tta_policy": ["zoom"],
        "train.network.augmentation": ["no step", {"rotation": 3}],
        "seed": 0,
    }
    assert in_units(older) == older | {
        "augment.copies": [{"turn_degrees": 90}],
        "evaluate.tta_policy": [{"zoom_share": 0.2}],
    }
    assert in_units(in_units(older)) == in_units(older)
