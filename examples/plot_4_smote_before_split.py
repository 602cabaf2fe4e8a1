"""
A leak: SMOTE before the split
==============================

SMOTE fills a rare class with mixtures of its own rows. If it runs before the data are split, test
rows are mixtures of training rows, and the score rises although the model is the same.
"""

# %%
# Drawn faces, where disgust is rare, as HOG features.

import cv2
import matplotlib.pyplot as plt
import numpy as np
from imblearn.over_sampling import SMOTE
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from ferflow.download.drawn.synthetic import draw_faces

counts = {"disgust": 40, "sad": 160, "happy": 250, "neutral": 200}
labels = [name for name, n in counts.items() for _ in range(n)]
hog = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
X = np.stack([hog.compute(face) for face in draw_faces(labels, seed=0)])
y = np.array(labels)


def score(seed, *, before):
    """The accuracy of a forest on a quarter of the rows; SMOTE before or after the split."""
    smote = SMOTE(random_state=seed)
    rows = smote.fit_resample(X, y) if before else (X, y)
    train, test, y_train, y_test = train_test_split(*rows, stratify=rows[1], random_state=seed)
    if not before:
        train, y_train = smote.fit_resample(train, y_train)
    forest = RandomForestClassifier(60, random_state=seed).fit(train, y_train)
    return forest.score(test, y_test)


# %%
# The forest and its settings are the same. Only the order of two steps differs.

scores = {
    "SMOTE on training rows": [score(seed, before=False) for seed in range(4)],
    "SMOTE before the split": [score(seed, before=True) for seed in range(4)],
}
for name, values in scores.items():
    print(f"{name}: {np.mean(values):.3f}")

_, axis = plt.subplots(figsize=(6, 2.2), layout="constrained")
for row, values in enumerate(scores.values()):
    axis.plot(values, [row] * len(values), "o", alpha=0.7)
axis.set(yticks=range(2), yticklabels=list(scores), ylim=(-0.5, 1.5), xlabel="Accuracy")
plt.show()

# %%
# `ferflow mistake resample_before_split` makes the same mistake with the last run, on purpose.
