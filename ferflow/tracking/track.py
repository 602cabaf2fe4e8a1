"""Whether MLflow has the last run already; MLflow itself is loaded only where it has not."""

import os

from ferflow.core.pipeline import Pipeline
from ferflow.tracking.database import finished_run
from ferflow.tracking.reach import check_server


def track_last_run() -> str:
    """As `ferflow.tracking.mirror.track_run`, and at once where our own database has the run."""
    pipeline = Pipeline()
    pipeline.check_finished()
    fingerprint = pipeline.lock_fingerprint()
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        check_server(uri)
    elif name := finished_run(fingerprint):
        return f"MLflow has this run already: {name} ({fingerprint})"
    from ferflow.tracking.mirror import track_run  # seconds

    return track_run()
