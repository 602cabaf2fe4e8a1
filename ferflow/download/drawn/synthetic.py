"""Synthetic grey faces, 48x48, that show an expression: for tests, demonstrations and CI.

Source of the movements: Ekman, Friesen and Hager, Facial Action Coding System (FACS, 1978 and
2002), and the prototypes of EMFACS (Friesen and Ekman, 1983), which name the action units (AUs)
that make up each emotion. How far a unit moves a feature of these drawings was set by eye.
Accuracy on these faces says nothing about photographs; the classes overlap on purpose.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ferflow.download.drawn.canvas import SUPERSAMPLING, Canvas, Points, Pose, Tones
from ferflow.download.drawn.drawing import Face, Identity, Movement, draw
from ferflow.images.size import SIDE

# Displacements at full strength, in pixels of the 48x48 picture, named as in `Movement`.
ACTION_UNITS: Mapping[str, Mapping[str, float]] = {
    "1": {"brow_inner": 3.2},  # inner brow raiser
    "2": {"brow_outer": 2.6},  # outer brow raiser
    "4": {"brow_inner": -2.4, "brow_outer": -0.6, "brow_knit": 1.6},  # brow lowerer
    "5": {"upper_lid": 1.4},  # upper lid raiser
    "6": {"cheek": 1.0, "lower_lid": 0.6, "upper_lid": -0.2},  # cheek raiser
    "7": {"lower_lid": 0.6, "upper_lid": -0.4},  # lid tightener
    # nose wrinkler, which also draws the brows down and together and the upper lip up
    "9": {"nose_wrinkle": 1.2, "upper_lip": 0.9, "brow_inner": -1.5, "brow_knit": 0.8},
    "12": {"corner_up": 3.2, "corner_out": 2.0},  # lip corner puller
    "14": {"dimple": 1.0, "corner_out": 0.6},  # dimpler
    "15": {"corner_up": -2.8},  # lip corner depressor
    "16": {"lower_lip": 1.6},  # lower lip depressor
    "17": {"chin_raise": 1.2, "lower_lip": -0.5},  # chin raiser
    "20": {"corner_out": 2.0, "corner_up": -0.7},  # lip stretcher
    "23": {"lip_tighten": 0.75, "corner_out": -0.8},  # lip tightener
    "25": {"lips_part": 2.4},  # lips part
    "26": {"jaw_drop": 6.0, "corner_out": -1.6},  # jaw drop
}

# FACS notation: "R" marks a unit of the face's own right side, which the viewer sees on the left.
PROTOTYPES: Mapping[str, str] = {
    "angry": "4+5+7+23",
    "disgust": "9+15+16",
    "fear": "1+2+4+5+7+20+26",
    "happy": "6+12",
    "sad": "1+4+15",
    "surprise": "1+2+5+26",
    "neutral": "",
    "contempt": "R12+R14",
}
# Units that join the prototype in some of the faces, at `_JOIN`'s rate.
VARIANTS: Mapping[str, str] = {"happy": "25", "disgust": "17", "sad": "17", "fear": "25"}

_JOIN = 0.5  # probability that a variant unit joins
_SKIP = 0.08  # probability that a unit of the prototype is missing
_STRAY = 0.25  # probability of a unit that has nothing to do with the expression

# Uniform ranges; see `Identity` for the meaning of each.
_TRAITS: Mapping[str, tuple[float, float]] = {
    "width": (15.0, 18.5),
    "crown": (21.0, 25.0),
    "chin": (20.0, 23.0),
    "jaw": (0.0, 1.0),
    "skin": (115.0, 215.0),
    "hairline": (13.5, 20.5),
    "parting": (-1.0, 1.0),
    "brow_height": (4.6, 6.0),
    "brow_thickness": (0.9, 2.2),
    "brow_tilt": (-0.6, 0.7),
    "eye_distance": (7.0, 8.4),
    "eye_width": (3.6, 4.5),
    "eye_opening": (1.6, 2.4),
    "iris": (15.0, 80.0),
    "nose_length": (8.0, 10.0),
    "nose_width": (2.5, 3.8),
    "mouth_level": (10.0, 11.8),
    "mouth_width": (5.8, 7.6),
    "mouth_rest": (-0.4, 0.5),
    "lips": (0.9, 2.0),
}


def draw_faces(expressions: Sequence[str], seed: int) -> NDArray[np.uint8]:
    """One face per expression: uint8 of shape (n, 48, 48), grey levels 0 to 255.

    Face i depends on (seed, i) and its expression alone, so a longer list begins with the same
    faces. Raises ValueError on an unknown expression.
    """
    faces = np.empty((len(expressions), SIDE, SIDE), np.uint8)
    for i, expression in enumerate(expressions):
        faces[i] = draw_face(expression, np.random.default_rng([seed, i]))
    return faces


def draw_face(expression: str, rng: Generator) -> NDArray[np.uint8]:
    """A random person who shows `expression`: uint8 of shape (48, 48), grey levels 0 to 255.

    Generators in the same state draw the same person in the same light, whatever the expression.
    Raises ValueError on an unknown expression.
    """
    scene, actor = rng.spawn(2)
    left, right = displace(sample_strengths(expression, actor))
    identity, pose = _sample_identity(scene), _sample_pose(scene)
    face = Face(identity=identity, left=left, right=right, pose=pose)
    picture = draw(face, _sample_ground(scene))
    return _photograph(_occlude(picture, face, scene), scene)


def sample_strengths(expression: str, rng: Generator) -> dict[str, float]:
    """The action units of one face and their strengths, 0 to about 1.2; many are faint.

    Raises ValueError on an unknown expression.
    """
    if expression not in PROTOTYPES:
        legal = ", ".join(PROTOTYPES)
        raise ValueError(f"expression must be one of {legal}; got {expression!r}.")
    shown = [unit for unit in _units(PROTOTYPES[expression]) if rng.random() > _SKIP]
    shown += [unit for unit in _units(VARIANTS.get(expression, "")) if rng.random() < _JOIN]
    intensity = rng.beta(4.0, 1.4)
    strengths = {unit: float(intensity * rng.uniform(0.75, 1.15)) for unit in shown}
    if rng.random() < _STRAY:
        strengths.setdefault(str(rng.choice(list(ACTION_UNITS))), float(rng.uniform(0.1, 0.6)))
    return strengths


def displace(strengths: Mapping[str, float]) -> tuple[Movement, Movement]:
    """What action units of the given strengths do to the halves of a face.

    Returns the half that the viewer sees on the left, then the other.
    """
    left: defaultdict[str, float] = defaultdict(float)
    right: defaultdict[str, float] = defaultdict(float)
    for unit, strength in strengths.items():
        for name, distance in ACTION_UNITS[unit.removeprefix("R")].items():
            left[name] += strength * distance
            if not unit.startswith("R"):
                right[name] += strength * distance
    return Movement(**left), Movement(**right)


def _units(notation: str) -> list[str]:
    return notation.split("+") if notation else []


def _sample_identity(rng: Generator) -> Identity:
    traits = {name: float(rng.uniform(*bounds)) for name, bounds in _TRAITS.items()}
    # Hair is darker than skin in most faces, and lighter in the grey-haired and the blond.
    hair = traits["skin"] * rng.uniform(0.15, 0.6) if rng.random() < 0.8 else rng.uniform(120, 220)
    return Identity(
        hair=float(hair),
        hair_length=float(rng.choice([4.0, 17.0, 38.0])),
        age=float(rng.beta(1.2, 2.0)),
        beard=float(rng.uniform(0.15, 0.7) * (rng.random() < 0.2)),
        eyewear=str(rng.choice(["none", "glasses", "sunglasses"], p=[0.86, 0.11, 0.03])),
        **traits,
    )


def _sample_pose(rng: Generator) -> Pose:
    return Pose(
        yaw=float(np.clip(rng.normal(0, 0.2), -0.5, 0.5)),
        pitch=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        roll=float(rng.normal(0, 0.09)),
        scale=float(rng.uniform(1.02, 1.2)),
        shift_x=float(rng.normal(0, 0.9)),
        shift_y=float(rng.normal(0, 0.9)),
    )


def _sample_ground(rng: Generator) -> NDArray[np.uint8]:
    """A blurred backdrop at the canvas's size: uint8 of shape (192, 192)."""
    patches = np.clip(rng.uniform(30, 225) + rng.normal(0, 22, (4, 4)), 0, 255).astype(np.uint8)
    side = SIDE * SUPERSAMPLING
    return cv2.resize(patches, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _occlude(picture: Tones, face: Face, rng: Generator) -> Tones:
    """Now and then a hand or a bar, such as a microphone, covers a part of the face."""
    kind = rng.choice(["none", "hand", "bar"], p=[0.88, 0.07, 0.05])
    if kind == "none":
        return picture
    strokes = _hand(face.identity.skin, rng) if kind == "hand" else _bar(rng)
    cover, paint = Canvas(face.pose, 0), Canvas(face.pose, 0)
    for line, tone, width in strokes:
        cover.stroke(line, 255, width)
        paint.stroke(line, tone, width)
    # The paint lies on black, so its edges are already weighted with their cover.
    return (picture * (1 - cover.reduce() / 255) + paint.reduce()).astype(np.float32)


def _hand(skin: float, rng: Generator) -> list[tuple[Points, float, float]]:
    """Four fingers that rise beside the mouth, as strokes: line, tone and width."""
    side, x, y = rng.choice([-1, 1]), rng.uniform(7, 13), rng.uniform(4, 12)
    strokes = [(np.array([(x, 32.0), (x, y + 11)]) * (side, 1), 0.9 * skin, 11.0)]
    for finger in range(4):
        root = (x - 4 + 2.8 * finger, y + 8)
        tip = (x - 5.5 + 3.3 * finger, y + 1.2 * abs(finger - 1.3))
        line = np.array([root, tip]) * (side, 1)
        strokes += [(line, 0.6 * skin, 3.6), (line, 0.95 * skin, 2.8)]
    return strokes


def _bar(rng: Generator) -> list[tuple[Points, float, float]]:
    side, x, y = rng.choice([-1, 1]), rng.uniform(3, 12), rng.uniform(12, 18)
    line = np.array([(x, y), (2.5 * x, y + 16)]) * (side, 1)
    return [(line, float(rng.uniform(15, 80)), float(rng.uniform(3.5, 6)))]


def _photograph(picture: Tones, rng: Generator) -> NDArray[np.uint8]:
    """Light from one side, then a camera's contrast, blur and noise."""
    across, down = np.meshgrid(*[np.linspace(-1, 1, SIDE, dtype=np.float32)] * 2)
    angle, strength = rng.uniform(0, 2 * np.pi), abs(rng.normal(0, 0.18))
    lit = picture * (1 + strength * (np.cos(angle) * across + np.sin(angle) * down))
    toned = 255 * np.clip(lit / 255, 0, 1) ** rng.uniform(0.7, 1.25)
    contrasted = (toned - 128) * rng.uniform(0.75, 1.2) + 128 + rng.normal(0, 12)
    blurred = cv2.GaussianBlur(contrasted, (0, 0), rng.uniform(0.3, 0.75))
    grain = rng.normal(0, rng.uniform(1, 5), picture.shape)
    taken: NDArray[np.uint8] = np.clip(np.rint(blurred + grain), 0, 255).astype(np.uint8)
    return taken
