"""
What each augmentation does
===========================

`augment.copies` and `train.network.augmentation` speak one language: a step's name ends in its
unit. This page shows the steps on one drawn face.
"""

# %%
# `draw_faces` draws a face for each expression; faces of other seeds are other people.

import matplotlib.pyplot as plt
import numpy as np

from ferflow.augment.copies import draw_copies, fill_pixels
from ferflow.augment.params import AugmentParams
from ferflow.core.split import Split
from ferflow.download.drawn.synthetic import draw_faces

face = draw_faces(["happy"], seed=4)
words = np.array([""])
split = Split(face, np.array([0]), np.array(["one"]), words, ("happy",))

# %%
# A list of steps makes one copy for each step. Amounts are drawn for every copy; `turn_degrees` and
# `scale_factor` are exact.

steps = [
    "horizontal_flip",
    {"rotation_degrees": 40},
    {"shift_share": 0.2},
    {"zoom_share": 0.3},
    {"stretch_share": 0.3},
    {"shear_degrees": 20},
    {"brightness_factors": [0.4, 1.6]},
    {"turn_degrees": 90},
    {"scale_factor": 0.7},
]
parts = draw_copies(split, AugmentParams(copies=steps, fill_rare="none"), seed=1)
copies = np.empty((1 + len(steps), 48, 48), np.uint8)
fill_pixels(copies, split, parts)

_, axes = plt.subplots(2, 5, figsize=(9, 4), layout="constrained")
names = ["the face", *(step if isinstance(step, str) else next(iter(step)) for step in steps)]
for axis, image, name in zip(axes.flat, copies, names, strict=True):
    axis.imshow(image, cmap="gray", vmin=0, vmax=255)
    axis.set_title(name, fontsize=9)
    axis.axis("off")
plt.show()
