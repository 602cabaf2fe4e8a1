"""Commands about MLflow: track, store."""

from collections.abc import Callable


def track() -> None:
    """Put the last run into MLflow, unless it is there already."""
    from ferflow.tracking.track import track_last_run

    print(track_last_run())


def store() -> None:
    """Print the address of MLflow's database, for `mlflow ui` and other readers."""
    from ferflow.tracking.store import open_store

    print(open_store()[0].tracking_uri)


COMMANDS: list[Callable[..., None]] = [track, store]
