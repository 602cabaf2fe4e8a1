"""Where the chain's files lie, from the repository's root; dvc.yaml hands the stages theirs."""

from pathlib import Path

PIPELINE_FILE = Path("dvc.yaml")
LOCK_FILE = Path("dvc.lock")
CODE = Path("code")  # of a project of one's own: fingerprints of ferflow's rooms
SCRATCH = Path(".ferflow")  # ignored by Git, safe to delete

RAW = Path("data/raw")
PREPROCESSED = Path("data/preprocessed")
CLASSIFIER = Path("models/classifier")
PREDICTIONS = Path("data/evaluation/predictions.parquet")
PICTURES = Path("data/evaluation/pictures")

METRICS = Path("metrics")
SCORES = METRICS / "metrics.json"  # of `evaluate`; the others are what a stage says of itself
TRAIN = METRICS / "train.json"
TABLES = METRICS / "plots"
