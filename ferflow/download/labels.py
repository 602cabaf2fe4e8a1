"""The class names of each data set in its own order, its splits and its official counts."""

from ferflow.fer2013.labels import FER2013_COUNTS as FER2013_COUNTS
from ferflow.fer2013.labels import FER2013_LABELS as FER2013_LABELS
from ferflow.fer2013.labels import FER2013_SPLITS as FER2013_SPLITS

# The other Kaggle edition, jonathanoheix/face-expression-recognition-dataset: FER-2013's images
# dealt anew into two folders. `validation` is what papers 4 and 5 tested on.
TWO_FOLDER_SPLITS = {"train": "train", "validation": "test"}

# images per folder and class, in FER-2013's label order; both folders add up to FER-2013's classes
TWO_FOLDER_COUNTS = {
    "train": (3993, 436, 4103, 7164, 4938, 3205, 4982),
    "validation": (960, 111, 1018, 1825, 1139, 797, 1216),
}

# CK+48 in the order of its folders. Not FER-2013's: contempt is here and neutral is not.
CKPLUS_LABELS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")

# three frames of each of the 327 labelled sequences (Lucey et al. 2010, table 3)
CKPLUS_COUNTS = (135, 54, 177, 75, 207, 84, 249)
