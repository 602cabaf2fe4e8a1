"""Draws one grey face from the records that describe it; nothing here is random.

Lengths and points are those of `canvas`: pixels of the 48x48 picture, in the face's own frame.
`side` is -1 for the half on the left of the picture and +1 for the other, so that a shape given
for the right half times (side, 1) serves both. Tones are grey levels 0 to 255.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.download.drawn.canvas import (
    ARCH,
    CIRCLE,
    Canvas,
    Points,
    Pose,
    Tones,
    between,
    curve,
    ellipse,
)

_EYES = -5.0  # the height of both eyes
_DOWN = np.array([0.0, 1.0])
_EVEN_LIGHT = 128  # the relief tone that leaves the paint below it unchanged


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What stays when a face moves. Widths of the face, its eyes and its mouth are half widths."""

    width: float
    crown: float  # top of the head above the origin
    chin: float  # chin below the origin
    jaw: float  # 0 pointed to 1 square
    skin: float  # tone
    hair: float  # tone
    hairline: float  # above the origin
    parting: float  # -1 to 1: which side the hair is swept to
    hair_length: float  # below the origin
    brow_height: float  # above the eye's centre
    brow_thickness: float
    brow_tilt: float  # outer end above the inner end, at rest
    eye_distance: float  # from the midline to an eye's centre
    eye_width: float
    eye_opening: float  # upper lid above the eye's centre, at rest
    iris: float  # tone
    nose_length: float
    nose_width: float
    mouth_level: float  # below the origin
    mouth_width: float
    mouth_rest: float  # corners above the mouth's centre, at rest
    lips: float  # thickness of the lower lip, which is the fuller one
    age: float  # 0 smooth to 1 wrinkled
    beard: float  # 0 shaven to 1 full
    eyewear: str  # "none", "glasses" or "sunglasses"


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How far one half of a face is from rest."""

    brow_inner: float = 0.0  # up
    brow_outer: float = 0.0  # up
    brow_knit: float = 0.0  # towards the midline
    upper_lid: float = 0.0  # up
    lower_lid: float = 0.0  # up
    cheek: float = 0.0  # up
    nose_wrinkle: float = 0.0  # up
    upper_lip: float = 0.0  # up
    lower_lip: float = 0.0  # down
    corner_up: float = 0.0
    corner_out: float = 0.0
    dimple: float = 0.0  # depth of the pit beside the corner
    lip_tighten: float = 0.0  # share of the lips' thickness that is rolled in
    lips_part: float = 0.0  # gap between the lips
    jaw_drop: float = 0.0  # down
    chin_raise: float = 0.0  # up


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face at one moment; `left` and `right` are its halves as the viewer sees them."""

    identity: Identity
    left: Movement
    right: Movement
    pose: Pose

    def midline(self, name: str) -> float:
        """The displacement `name` where both halves pull alike."""
        return float(getattr(self.left, name) + getattr(self.right, name)) / 2


def draw(face: Face, ground: NDArray[np.uint8]) -> Tones:
    """The face before its ground, a (192, 192) picture. Float32 (48, 48), 0 to 255.

    Shapes are painted in flat tones; shadows and creases go to a relief layer that is blurred
    and multiplied in, so that they look moulded and not drawn.
    """
    paint, relief = Canvas(face.pose, ground), Canvas(face.pose, _EVEN_LIGHT)
    _draw_head(paint, relief, face)
    _draw_nose(paint, relief, face)
    for side, move in ((-1, face.left), (1, face.right)):
        _draw_folds(relief, face.identity, move, side)
        _draw_eye(paint, relief, face.identity, move, side)
        _draw_brow(paint, face.identity, move, side)
    _draw_mouth(paint, relief, face)
    _draw_eyewear(paint, face.identity)
    light = cv2.GaussianBlur(relief.reduce(), (0, 0), 0.9) / _EVEN_LIGHT
    return np.clip(paint.reduce() * light, 0, 255).astype(np.float32)


def _shade(depth: float) -> float:
    """The relief tone that takes the share `depth` of the light away; negative for a highlight."""
    return _EVEN_LIGHT * float(np.clip(1 - depth, 0.3, 1.5))


def _draw_head(paint: Canvas, relief: Canvas, face: Face) -> None:
    who = face.identity
    chin = who.chin + 0.4 * face.midline("jaw_drop")
    skull = np.sign(CIRCLE) * np.abs(CIRCLE) ** (0.95 - 0.15 * who.jaw)
    skull[:, 0] *= who.width * (1 - (0.3 - 0.2 * who.jaw) * np.maximum(CIRCLE[:, 1], 0) ** 2)
    skull[:, 1] *= np.where(skull[:, 1] < 0, who.crown, chin)
    hair = CIRCLE * (who.width + 2.5, 1.0)
    hair[:, 1] *= np.where(hair[:, 1] < 0, who.crown + 3, who.hair_length)

    paint.fill(hair, who.hair)
    paint.fill(np.array([(-9.0, 12.0), (9.0, 12.0), (12.0, 40.0), (-12.0, 40.0)]), 0.7 * who.skin)
    for side in (-1, 1):
        paint.fill(ellipse(side * (who.width + 0.4), 0, 1.8, 4.5), 0.85 * who.skin)
    paint.fill(skull, who.skin)
    relief.stroke(skull, _shade(0.3), 2.5)
    if who.beard > 0:
        _draw_beard(paint, who, skull[skull[:, 1] > 0])
    _draw_fringe(paint, who)


def _draw_fringe(paint: Canvas, who: Identity) -> None:
    hairline = np.sign(ARCH) * np.abs(ARCH) ** (0.75, 0.6)  # squarer than an ellipse
    hairline[:, 1] += 0.2 * who.parting * ARCH[:, 0] * ARCH[:, 1]
    hairline = hairline * (who.width - 0.8, who.hairline - 2) + (0, -2)
    crown = ARCH * (who.width + 1.8, who.crown + 3) + (0, -2)
    paint.fill(between(crown, hairline), who.hair)
    tips = 0.25 * hairline + 0.75 * crown + (2 * who.parting, 0)
    for strand in np.stack([hairline, tips], axis=1)[3:-3:2]:
        paint.stroke(strand, 1.15 * who.hair + 6, 0.5)


def _draw_beard(paint: Canvas, who: Identity, jaw: Points) -> None:
    tone = who.skin + who.beard * (who.hair - who.skin)
    cheeks = curve(jaw[-1], (0.0, who.mouth_level), jaw[0], roundness=1.0)
    paint.fill(between(jaw[::-1], cheeks), tone)
    ends = [(side * (who.mouth_width + 1.0), who.mouth_level + 1.0) for side in (-1, 1)]
    paint.stroke(curve(ends[0], (0.0, who.mouth_level - 2.4), ends[1]), tone, 2.2)


def _draw_brow(paint: Canvas, who: Identity, move: Movement, side: int) -> None:
    level = _EYES - who.brow_height
    inner, outer = level - move.brow_inner, level + 0.5 - who.brow_tilt - move.brow_outer
    peak = 0.4 * inner + 0.6 * outer - 0.9
    start, end = who.eye_distance - 4.2 - move.brow_knit, who.eye_distance + 4.8
    line = curve((start, inner), (who.eye_distance + 0.5, peak), (end, outer))
    along = np.linspace(0, 1, len(line))
    taper = who.brow_thickness / 2 * np.sqrt(1.05 - along**2)[:, None] * _DOWN
    brow = between(line - taper, line + taper) * (side, 1)
    paint.fill(brow, 0.7 * min(who.hair, who.skin) + 0.05 * who.skin)


def _draw_eye(paint: Canvas, relief: Canvas, who: Identity, move: Movement, side: int) -> None:
    centre = (who.eye_distance * side, _EYES)
    width, top = who.eye_width, max(who.eye_opening + move.upper_lid, 0.15)
    bottom = max(0.75 * who.eye_opening - move.lower_lid, 0.1)
    upper = curve((-width, 0.0), (0.0, -top), (width, 0.0)) + centre
    lower = curve((-width, 0.0), (0.0, bottom), (width, 0.0)) + centre
    iris = ellipse(0.0, -0.1, 1.75, 1.75)
    lids = 1 - (iris[:, 0] / width) ** 2
    iris[:, 1] = np.clip(iris[:, 1], -top * lids, bottom * lids)  # the lids cut the iris off

    relief.fill(ellipse(0, -1.2, width + 1.4, 3.8) + centre, _shade(0.12))
    relief.stroke(upper - 1.3 * _DOWN, _shade(0.28), 0.6)
    relief.stroke(lower + 1.2 * _DOWN, _shade(0.1 + 0.1 * who.age + 0.15 * move.cheek), 0.8)
    paint.fill(between(upper, lower), 0.3 * who.skin + 160)
    paint.fill(iris + centre, who.iris)
    paint.stroke(upper, 0.25 * who.skin, 0.7)
    paint.stroke(lower, 0.65 * who.skin, 0.4)


def _draw_nose(paint: Canvas, relief: Canvas, face: Face) -> None:
    who, wrinkle = face.identity, face.midline("nose_wrinkle")
    width, tip = who.nose_width + 0.3 * wrinkle, _EYES + who.nose_length - 0.6 * wrinkle
    relief.stroke(np.array([(0.0, _EYES), (0.0, tip - 1.5)]), _shade(-0.16), 1.6)
    relief.stroke(curve((-width, tip), (0, tip + 1.7), (width, tip)), _shade(0.35), 0.8)
    for side in (-1, 1):
        bridge = curve((2.2, _EYES - 1), (1.8, 0.0), (width, tip - 0.5)) * (side, 1)
        relief.stroke(bridge, _shade(0.2), 1.0)
        paint.fill(ellipse(side * 0.5 * width, tip + 0.7, 0.9, 0.5), 0.35 * who.skin)
    for y in (_EYES - 1.0, _EYES + 0.7, _EYES + 2.4):
        crease = curve((-2.2, y + 0.6), (0.0, y - 0.3), (2.2, y + 0.6))
        relief.stroke(crease, _shade(0.35 * wrinkle - 0.1), 0.6)


def _draw_folds(relief: Canvas, who: Identity, move: Movement, side: int) -> None:
    """Creases of moving skin: deeper with age, and with the movement that folds them."""
    depth = 0.5 + who.age
    raised = max(0.0, move.brow_inner) + max(0.0, move.brow_outer)
    for row in range(3):
        y = _EYES - who.brow_height - 3.2 - 1.9 * row - 0.3 * raised
        crease = np.array([(0.0, y), (5.0, y - 0.3), (9.0, y + 0.7)]) * (side, 1)
        relief.stroke(crease, _shade(0.05 * who.age + 0.06 * depth * raised), 0.6)
    frown = np.array([(1.1, _EYES - 2.0), (1.4, _EYES - 6.5)]) * (side, 1)
    relief.stroke(frown, _shade(0.22 * depth * move.brow_knit), 0.7)

    x, y = who.mouth_width + move.corner_out, who.mouth_level - move.corner_up
    wing = (who.nose_width + 0.6, _EYES + who.nose_length - move.nose_wrinkle)
    bend = (0.5 * (wing[0] + x) + 1.6, 0.5 * (wing[1] + y) - 0.4)
    pull = max(0.0, move.corner_up) + 0.8 * move.nose_wrinkle + 0.5 * move.upper_lip
    fold = curve(wing, bend, (x + 1.8, y + 1)) * (side, 1)
    relief.stroke(fold, _shade(0.1 * depth * (0.8 + pull)), 0.8)
    cheek = ellipse(side * (who.eye_distance + 2), 4.0 - move.cheek, 3.6, 2.6)
    relief.fill(cheek, _shade(-0.06 - 0.09 * move.cheek))
    relief.fill(ellipse(side * (x + 1.2), y, 1.0, 1.3), _shade(0.45 * move.dimple))


def _draw_mouth(paint: Canvas, relief: Canvas, face: Face) -> None:
    who = face.identity
    drop, rise = face.midline("jaw_drop"), face.midline("upper_lip")
    gap = max(0.0, face.midline("lips_part") + drop + rise + face.midline("lower_lip"))
    kept = float(np.clip(1 - face.midline("lip_tighten"), 0.15, 1.0))
    level = who.mouth_level - face.midline("chin_raise") - rise
    rest = level + 0.35 * gap - who.mouth_rest
    left = (-who.mouth_width - face.left.corner_out, rest - face.left.corner_up)
    right = (who.mouth_width + face.right.corner_out, rest - face.right.corner_up)

    def lip(y: float) -> Points:
        return curve(left, (0.0, y), right, roundness=min(1.0, drop / 5))

    top, bottom = lip(level), lip(level + gap)
    lip_tone = 0.7 * who.skin
    paint.fill(between(lip(level - 0.7 * kept * who.lips), lip(level)), lip_tone)
    paint.fill(between(bottom, lip(level + gap + kept * who.lips)), lip_tone * 1.1)
    if gap > 0.3:
        teeth = np.minimum(top + 1.6 * _DOWN, bottom)
        paint.fill(between(top, bottom), 0.12 * who.skin)
        paint.fill(between(top, teeth), 0.15 * who.skin + 200)
    paint.stroke(top, 0.4 * who.skin, 0.6)
    under = level + gap + kept * who.lips + 1.2
    crease = curve((-3.5, under + 0.3), (0.0, under), (3.5, under + 0.3))
    relief.stroke(crease, _shade(0.2 + 0.15 * face.midline("chin_raise")), 0.9)


def _draw_eyewear(paint: Canvas, who: Identity) -> None:
    if who.eyewear == "none":
        return
    for side in (-1, 1):
        lens = ellipse(side * who.eye_distance, _EYES + 0.6, 5.3, 4.3)
        if who.eyewear == "sunglasses":
            paint.fill(lens, 28)
        paint.stroke(lens, 40, 0.5)
    bridge = np.array([(-who.eye_distance + 5.3, _EYES), (who.eye_distance - 5.3, _EYES)])
    paint.stroke(bridge, 40, 0.6)
