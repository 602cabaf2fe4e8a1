"""Augmentation policies: steps drawn for every image of every batch."""

from typing import Any

from ferflow.core.image_steps import BATCHES, Step, parse_steps

__all__ = ["AFFINE", "Step", "check_policy"]

# Joined into one map; what comes in from outside the image is what `fill` says.
AFFINE = ("rotation_degrees", "shift_share", "zoom_share", "stretch_share", "shear_degrees")


def check_policy(policy: list[Any]) -> list[Step]:
    """The steps of a policy as written in params.yaml.

    Raises ValueError that names what is wrong, what is legal and what was received.
    """
    steps = parse_steps(policy, BATCHES)
    names = [step.name for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each step may be given once; given twice: {', '.join(twice)}.")
    if {"zoom_share", "stretch_share"} <= set(names):
        raise ValueError(
            f"zoom_share (one factor) and stretch_share (one for each axis) exclude each other; "
            f"got {policy!r}. Leave one out."
        )
    if "stretch_levels" in names and "brightness_factors" not in names:
        raise ValueError(
            f"stretch_levels is a part of Keras' brightness and needs brightness_factors; "
            f"got {policy!r}. brightness_factors: [1, 1] leaves the light as it is."
        )
    if "fill" in names and not set(AFFINE) & set(names):
        raise ValueError(
            f"fill says what comes in from outside the image and needs one of "
            f"{', '.join(AFFINE)}; got {policy!r}. Leave fill out."
        )
    return steps
