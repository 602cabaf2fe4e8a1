"""Commands about MLflow: track, store."""

from collections.abc import Callable
from typing import Annotated

import typer


def track() -> None:
    """Put the last run into MLflow, unless it is there already."""
    from ferflow.tracking.track import track_last_run

    print(track_last_run())


def store(
    page: Annotated[
        bool, typer.Option("--page", help="Print where its server shows the runs instead.")
    ] = False,
) -> None:
    """Print the address of MLflow's database, for `mlflow ui` and other readers."""
    from ferflow.tracking.store import open_store, runs_page

    client, experiment_id = open_store()
    print(runs_page(experiment_id) if page else client.tracking_uri)


COMMANDS: list[Callable[..., None]] = [track, store]
