"""
Read the faces on a picture
===========================

The bundled network finds the faces on a picture and names the expression of each. It needs neither
training nor data.
"""

# %%
# `Recognizer.bundled` loads the network. A call takes a path, bytes, an array or a picture of
# Pillow's, and returns a list of faces, from left to right.

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import ferflow
from ferflow import Recognizer
from ferflow.recognition.annotation import draw_faces

portrait = Path(ferflow.__file__).parents[1] / "docs/portrait.jpg"
recognizer = Recognizer.bundled()
faces = recognizer(portrait)
for face in faces:
    print(face.label, face.box)

# %%
# A face has the probability of every class. They sum to 1.

picture = np.asarray(Image.open(portrait))
face = faces[0]

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=(3, 2), layout="constrained")
left.imshow(draw_faces(picture, faces))
left.axis("off")
right.barh(list(face.probabilities), list(face.probabilities.values()))
right.invert_yaxis()
right.set(xlim=(0, 1), xlabel="Probability")
plt.show()

# %%
# The same on the command line: `ferflow predict docs/portrait.jpg`.
