"""What Keras' augmentation does, as numbers: writes tests/kept/keras_images.json.

In an environment of its own, with no package of this repository:

    pip install keras==3.15.1 torch==2.13.0 keras-preprocessing==1.1.2 numpy scipy pillow
    KERAS_BACKEND=torch python benchmarks/keras_images.py tests/kept/keras_images.json

"new" is `ImageDataGenerator` of Keras 3, "old" that of keras-preprocessing, which Keras up to 2.8
imports. Maps lead from a place in the copy to the place in the image that it shows, x before y.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import keras
import keras_preprocessing.image.affine_transformations as old_maps
import numpy as np
import scipy.ndimage
from keras.src.legacy.preprocessing import image as new_maps
from keras_preprocessing.image import ImageDataGenerator as OldGenerator

NewGenerator = new_maps.ImageDataGenerator

SIDE = 48
N_DRAWS, N_OLD = 1000, 50
NAMES = ("theta", "tx", "ty", "shear", "zx", "zy")
# paper 4's, with shifts; every other draw with a shear that can be seen
RANGES = {"rotation_range": 40, "zoom_range": 0.2, "width_shift_range": 0.1}
SHEARS = (0.2, 20)
FACTORS = (0.2, 0.7, 1.0, 1.5)


def used_map(transform, x, drawn):
    """The 2x3 map that `transform` hands to scipy for an image, x before y."""
    seen = []

    def watch(channel, matrix, offset, **_):
        seen.append(np.column_stack([matrix, offset])[::-1, [1, 0, 2]])
        return channel

    class Watching:
        affine_transform = staticmethod(watch)

    kept = scipy.ndimage.interpolation
    scipy.ndimage.interpolation = Watching
    try:
        transform(x, **drawn)
    finally:
        scipy.ndimage.interpolation = kept
    return seen[0]


def rounded(values, digits=6):
    return [round(float(value), digits) for value in np.ravel(values)]


def draws(generator_class, apply, n):
    """Rows of the parameters drawn and the map made of them."""
    rows = []
    x = np.zeros((SIDE, SIDE, 1))
    np.random.seed(0)  # the generators draw from numpy's own stream
    for i in range(n):
        shear = SHEARS[i % 2]
        generator = generator_class(height_shift_range=0.1, shear_range=shear, **RANGES)
        drawn = generator.get_random_transform(x.shape)
        drawn = {name: drawn[name] for name in NAMES}
        axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
        found = used_map(apply, x, drawn | axes)
        rows.append(rounded(list(drawn.values())) + rounded(found))
    return rows


def spread():
    """Of 20,000 draws of paper 4's ranges: stretch of one axis against the other, lean of lines."""
    np.random.seed(0)
    generator = NewGenerator(shear_range=SHEARS[0], **RANGES)
    drawn = [generator.get_random_transform((SIDE, SIDE, 1)) for _ in range(20_000)]
    ratio = np.array([one["zx"] / one["zy"] for one in drawn])
    lean = np.abs(np.sin(np.deg2rad([one["shear"] for one in drawn])))
    stretch = [ratio.min(), ratio.max(), np.maximum(ratio, 1 / ratio).mean()]
    return {
        "stretch_low_high_mean": rounded(stretch, 4),
        "shear_off_diagonal": rounded(lean.max())[0],
    }


def brightness():
    """Pictures of known levels, and what each generation makes of them."""
    rng = np.random.default_rng(0)
    pictures = [
        np.linspace(0, 100, 16),
        np.linspace(60, 180, 16),
        np.linspace(0, 255, 16),
        rng.integers(0, 256, 16),
        np.full(16, 90),
    ]
    rows = []
    for levels in pictures:
        x = np.asarray(levels).astype(np.uint8).astype(np.float32).reshape(4, 4, 1)
        for factor in FACTORS:
            old = old_maps.apply_brightness_shift(x, factor)
            # as apply_transform calls it: without a stretch
            new = new_maps.apply_brightness_shift(x, factor, False)
            row = {"levels": x, "old": old, "new": new}
            rows.append({"factor": factor} | {k: [int(v) for v in np.ravel(row[k])] for k in row})
    return rows


def random_zoom():
    """How the layer RandomZoom(0.2) draws, and which way its factor goes."""
    layer = keras.layers.RandomZoom(0.2, seed=0)
    shape = (5000, SIDE, SIDE, 1)
    drawn = layer.get_random_transformation(np.zeros(shape, np.float32), training=True)
    width, height = (
        np.ravel(keras.ops.convert_to_numpy(drawn[f"{side}_zoom"])) for side in ("width", "height")
    )
    square = np.zeros((1, SIDE, SIDE, 1), np.float32)
    square[:, 14:34, 14:34] = 1
    larger = keras.layers.RandomZoom((0.2, 0.2), seed=0)(square, training=True)
    area = float(keras.ops.convert_to_numpy(larger).sum() / square.sum())
    return {
        "one_factor": bool(np.array_equal(width, height)),
        "low": round(float(width.min()), 4),
        "high": round(float(width.max()), 4),
        "area_at_1.2": round(area, 4),
        "fill_mode": layer.fill_mode,
    }


def reflected():
    """A row of numbers moved right by three pixels, as layers fill what comes in."""
    row = np.broadcast_to(np.arange(1.0, 9.0, dtype=np.float32)[:, None], (8, 8, 1))
    moved = keras.ops.image.affine_transform(
        row, np.array([1, 0, -3, 0, 1, 0, 0, 0], np.float32), fill_mode="reflect"
    )
    return rounded(keras.ops.convert_to_numpy(moved)[0, :, 0])


def main():
    packages = ("keras", "torch", "keras-preprocessing", "numpy", "scipy", "pillow")
    found = {
        "versions": {name: version(name) for name in packages},
        "columns": [*NAMES, "xx", "xy", "x0", "yx", "yy", "y0"],
        "new": draws(NewGenerator, new_maps.apply_affine_transform, N_DRAWS),
        "old": draws(OldGenerator, old_maps.apply_affine_transform, N_OLD),
        "spread": spread(),
        "brightness": brightness(),
        "random_zoom": random_zoom(),
        "reflect": reflected(),
    }
    parts = []
    for key, value in found.items():
        rows = value if isinstance(value, list) and isinstance(value[0], list | dict) else None
        text = (
            json.dumps(value)
            if rows is None
            else (
                "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"
            )
        )
        parts.append(f"{json.dumps(key)}: {text}")
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
