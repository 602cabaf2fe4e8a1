"""The synthetic faces: reproducible, and moved where the action units say."""

from dataclasses import fields

import numpy as np
import pytest

from ferflow.download.drawn.canvas import SUPERSAMPLING, Canvas, Pose, ellipse
from ferflow.download.drawn.drawing import Face, Identity, Movement, draw
from ferflow.download.drawn.synthetic import (
    ACTION_UNITS,
    PROTOTYPES,
    VARIANTS,
    displace,
    draw_face,
    draw_faces,
    sample_strengths,
)
from ferflow.images.size import SIDE

EXPRESSIONS = list(PROTOTYPES)
BROWS_AND_EYES, MOUTH = slice(8, 24), slice(29, 46)

SOMEBODY = Identity(
    width=17, crown=23, chin=21.5, jaw=0.5, skin=180, hair=50, hairline=17, parting=0,
    hair_length=10, brow_height=5.2, brow_thickness=1.5, brow_tilt=0, eye_distance=7.6,
    eye_width=4, eye_opening=2, iris=40, nose_length=9, nose_width=3, mouth_level=11,
    mouth_width=7, mouth_rest=0, lips=1.4, age=0.3, beard=0, eyewear="none",
)  # fmt: skip


def full_strength(expression):
    units = filter(None, PROTOTYPES[expression].split("+"))
    return displace(dict.fromkeys(units, 1.0))


def portrait(left, right):
    """SOMEBODY, seen from the front without a camera's flaws: float32 (48, 48)."""
    ground = np.full((SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), 100, np.uint8)
    return draw(Face(identity=SOMEBODY, left=left, right=right, pose=Pose()), ground)


def mouth_line(picture):
    """The darkest row of the mouth at its left end, its middle and its right end."""
    return [31 + int(picture[31:42, column].argmin()) for column in (17, 24, 30)]


def change(expression, n=60):
    """The same n people, expression minus neutral: float (n, 48, 48)."""
    moved = draw_faces([expression] * n, seed=3).astype(float)
    return moved - draw_faces(["neutral"] * n, seed=3)


def test_faces_have_the_promised_shape_and_show_something():
    faces = draw_faces(EXPRESSIONS, seed=0)
    assert faces.shape == (len(EXPRESSIONS), SIDE, SIDE)
    assert faces.dtype == np.uint8
    assert faces.std(axis=(1, 2)).min() > 5


def test_no_expressions_give_no_faces():
    assert draw_faces([], seed=0).shape == (0, SIDE, SIDE)


def test_a_seed_fixes_every_byte():
    faces = draw_faces(EXPRESSIONS, seed=5)
    assert np.array_equal(faces, draw_faces(EXPRESSIONS, seed=5))
    assert all((a != b).any() for a, b in zip(faces, draw_faces(EXPRESSIONS, 6), strict=True))


def test_a_face_depends_on_its_place_but_not_on_the_others():
    faces = draw_faces(["sad", "fear", "happy"], seed=1)
    assert np.array_equal(faces[:2], draw_faces(["sad", "fear"], seed=1))
    assert np.array_equal(faces[2], draw_faces(["angry", "angry", "happy"], seed=1)[2])
    assert (draw_faces(["sad", "sad"], seed=1)[1] != faces[0]).any()


def test_one_generator_draws_face_after_face():
    rng = np.random.default_rng(0)
    assert (draw_face("happy", rng) != draw_face("happy", rng)).any()


def test_the_same_state_draws_the_same_person():
    happy, sad = draw_faces(["happy"] * 30, seed=2), draw_faces(["sad"] * 30, seed=2)
    same = np.abs(happy.astype(float) - sad).mean()
    others = np.abs(happy.astype(float) - np.roll(sad, 1, axis=0)).mean()
    assert same < others / 4


@pytest.mark.parametrize("unknown", ["bored", "Happy", ""])
def test_an_unknown_expression_is_refused_with_the_legal_ones(unknown):
    with pytest.raises(ValueError, match=rf"{', '.join(EXPRESSIONS)}; got '{unknown}'"):
        draw_face(unknown, np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be one of"):
        draw_faces(["happy", unknown], seed=0)


def test_the_tables_name_known_units_and_movements():
    notations = [*PROTOTYPES.values(), *VARIANTS.values()]
    units = {unit.removeprefix("R") for text in notations for unit in text.split("+") if text}
    assert units == set(ACTION_UNITS)
    moved = {name for displacement in ACTION_UNITS.values() for name in displacement}
    assert moved == {field.name for field in fields(Movement)}
    assert VARIANTS.keys() <= PROTOTYPES.keys()


@pytest.mark.parametrize(
    ("expression", "up_or_more", "down_or_less"),
    [
        ("angry", {"brow_knit", "lower_lid", "upper_lid", "lip_tighten"}, {"brow_inner"}),
        ("disgust", {"nose_wrinkle", "upper_lip", "lower_lip"}, {"corner_up", "brow_inner"}),
        ("fear", {"brow_inner", "brow_outer", "brow_knit", "upper_lid", "jaw_drop"}, set()),
        ("happy", {"corner_up", "corner_out", "cheek", "lower_lid"}, set()),
        ("sad", {"brow_inner", "brow_knit"}, {"brow_outer", "corner_up"}),
        ("surprise", {"brow_inner", "brow_outer", "upper_lid", "jaw_drop"}, set()),
    ],
)
def test_an_expression_moves_both_halves_the_right_way(expression, up_or_more, down_or_less):
    left, right = full_strength(expression)
    assert left == right
    assert all(getattr(left, name) > 0 for name in up_or_more)
    assert all(getattr(left, name) < 0 for name in down_or_less)


def test_neutral_moves_nothing_and_contempt_only_the_faces_own_right():
    assert full_strength("neutral") == (Movement(), Movement())
    left, right = full_strength("contempt")
    assert left.corner_up > 0 and left.dimple > 0
    assert right == Movement()


def test_strength_scales_and_units_add_up():
    left, _ = displace({"1": 0.5, "4": 1.0})
    expected = 0.5 * ACTION_UNITS["1"]["brow_inner"] + ACTION_UNITS["4"]["brow_inner"]
    assert left.brow_inner == pytest.approx(expected)


def test_sampled_units_are_mostly_the_prototype_and_vary_in_strength():
    rng = np.random.default_rng(0)
    samples = [sample_strengths("happy", rng) for _ in range(300)]
    assert 0.85 < np.mean(["12" in sample for sample in samples]) < 1
    assert 0.35 < np.mean(["25" in sample for sample in samples]) < 0.65
    smiles = [sample["12"] for sample in samples if "12" in sample]
    assert min(smiles) < 0.4 and max(smiles) > 0.9
    assert min(smiles) > 0 and max(smiles) < 1.3


def test_corners_of_the_mouth_rise_in_happy_and_fall_in_sad():
    neutral = mouth_line(portrait(*full_strength("neutral")))
    assert max(neutral) - min(neutral) <= 1
    left, middle, right = mouth_line(portrait(*full_strength("happy")))
    assert left < middle and right < middle
    left, middle, right = mouth_line(portrait(*full_strength("sad")))
    assert left > middle and right > middle


def test_contempt_raises_the_corner_on_the_left_of_the_picture():
    left, _, right = mouth_line(portrait(*full_strength("contempt")))
    assert left < right


def test_a_symmetric_face_is_drawn_symmetrically():
    picture = portrait(*full_strength("fear"))
    assert np.abs(picture - picture[:, ::-1]).mean() < 1


def test_brows_are_lowered_in_anger_and_raised_in_surprise():
    def brow_row(expression):  # darkest row between the hair and the eye, near the inner end
        return int(portrait(*full_strength(expression))[9:17, 20].argmin())

    assert brow_row("surprise") < brow_row("neutral") < brow_row("angry")


@pytest.mark.parametrize("expression", ["surprise", "fear"])
def test_a_dropped_jaw_opens_a_dark_mouth(expression):
    assert change(expression)[:, 36:42, 21:28].mean() < -12


@pytest.mark.parametrize("expression", ["happy", "surprise"])
def test_the_mouth_changes_more_than_the_rest(expression):
    moved = np.abs(change(expression)).mean(axis=0)
    assert moved[MOUTH, 14:34].mean() > 3 * moved[:6].mean()


@pytest.mark.parametrize("expression", ["angry", "fear", "sad", "surprise"])
def test_brows_and_eyes_change_more_than_the_cheeks_beside_the_nose(expression):
    moved = np.abs(change(expression)).mean(axis=0)
    assert moved[BROWS_AND_EYES, 12:36].mean() > 2 * moved[24:28, 8:40].mean()


def test_a_raised_lid_shows_more_white():
    wide = Movement(upper_lid=1.4)
    eye = np.s_[16:19, 14:19]
    assert portrait(wide, wide)[eye].mean() > portrait(Movement(), Movement())[eye].mean() + 5


@pytest.mark.parametrize("distance", [0.25, 0.5, 1.0])
def test_shapes_are_placed_to_fractions_of_a_pixel(distance):
    def centre(x):
        canvas = Canvas(Pose(), 0)
        canvas.fill(ellipse(x, 0, 5, 5), 255)
        tones = canvas.reduce()
        return float((tones.sum(axis=0) * np.arange(SIDE)).sum() / tones.sum())

    assert centre(0) == pytest.approx(SIDE / 2 - 0.5, abs=0.05)
    assert centre(distance) - centre(0) == pytest.approx(distance, abs=0.05)


def test_turning_the_head_moves_the_nose_past_the_edge_of_the_face():
    nose_and_edge = np.array([(0.0, 0.0), (18.0, 0.0)])
    shift = Pose(yaw=0.3).project(nose_and_edge) - Pose().project(nose_and_edge)
    assert shift[0, 0] > 2
    assert shift[1, 0] < shift[0, 0] - 1


def test_pose_shifts_scales_and_rolls_about_the_middle():
    points = np.array([(10.0, 0.0), (0.0, 10.0)])
    larger = Pose(scale=1.2, shift_y=1).project(points)
    assert larger == pytest.approx(np.array([(36, 25), (24, 37)]))
    quarter_turn = Pose(roll=np.pi / 2).project(points)
    assert quarter_turn == pytest.approx(np.array([(24, 34), (14, 24)]))
