"""
Find twins
==========

FER-2013 holds some photographs more than once. If one copy is in the training images and
another in the test images, a model can answer from memory. `twin_groups` finds such copies, also
when they were encoded again or made brighter.
"""

# %%
# Forty drawn faces, and copies of three of them: one identical, one saved as a JPEG, one brighter.

import cv2
import matplotlib.pyplot as plt
import numpy as np

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.images.twins import twin_groups

faces = draw_faces(["happy", "sad", "surprise", "neutral"] * 10, seed=5)
encoded = cv2.imdecode(cv2.imencode(".jpg", faces[1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0)
brighter = np.clip(faces[2].astype(int) + 25, 0, 255).astype(np.uint8)
images = np.concatenate([faces, np.stack([faces[0], encoded, brighter])])

# %%
# A group's number is the row of its first image. Rows with equal numbers are twins.

groups = twin_groups(images)
rows = np.flatnonzero(groups != np.arange(len(groups)))
for row in rows:
    print(f"image {row} is a twin of image {groups[row]}")

# %%
# The pairs: the earlier image above, its twin below.

_, axes = plt.subplots(2, len(rows), figsize=(6, 4), layout="constrained")
kinds = ("identical", "saved again", "brighter")
for column, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
    for axis, image in zip(axes[:, column], (images[groups[row]], images[row]), strict=True):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.axis("off")
    axes[1, column].set_title(kind, fontsize=9)
plt.show()

# %%
# `ferflow audit` does this for a whole data set and writes a page with examples.
