"""FER-2013's classes in its own order, its splits and its official counts; FER+'s columns."""

# label index in fer2013.csv -> name, as the challenge numbered them (Goodfellow et al. 2013)
FER2013_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# `Usage` in fer2013.csv, and the prefix of the file names in the Kaggle folders -> split
FER2013_SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}

# official images per usage and class, in label order
FER2013_COUNTS = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}

# What a person could say in FER+ (Barsoum et al. 2016): FER-2013's classes in their order, an
# eighth, and two ways to say that it is none of them.
CONTEMPT = "contempt"
FERPLUS_COLUMNS = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
    CONTEMPT,
    "unknown",
    "NF",
)

# FER-2013's classes in words that other data sets have for them, in lower case
SPELLINGS = {
    "angry": ("anger", "angryness", "mad", "rage"),
    "disgust": ("disgusted", "disgusting"),
    "fear": ("fearful", "afraid", "scared", "scream"),
    "happy": ("happiness", "joy", "joyful", "smile", "smiling"),
    "sad": ("sadness", "unhappy"),
    "surprise": ("surprised", "suprise", "suprised", "surprize"),
    "neutral": ("neutrality", "normal", "natural"),
}


def common_spelling(word: str) -> str | None:
    """FER-2013's name for a class in another spelling, None if it is not a known one."""
    plain = word.strip().lower()
    return next((name for name, words in SPELLINGS.items() if plain in (name, *words)), None)
