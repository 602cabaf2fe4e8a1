"""Whether MLflow has the last run already; MLflow itself is loaded only where it has not."""

import os

from ferflow.costs import read_lock
from ferflow.last_run import check_finished, lock_fingerprint
from ferflow.store_file import finished_run


def track_last_run() -> str:
    """As `ferflow.tracking.track_run`, and at once where the repository's database has the run."""
    lock = read_lock()
    check_finished(lock)
    fingerprint = lock_fingerprint(lock)
    if not os.environ.get("MLFLOW_TRACKING_URI") and (name := finished_run(fingerprint)):
        return f"MLflow has this run already: {name} ({fingerprint})"
    from ferflow.tracking import track_run  # seconds

    return track_run()
