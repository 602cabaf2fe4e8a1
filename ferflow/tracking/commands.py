"""Commands about MLflow: track, store."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Action(StrEnum):
    """What `ferflow store` does beside printing."""

    MOVE = "move"


def track() -> None:
    """Put the last run into MLflow, unless it is there already."""
    from ferflow.tracking.track import track_last_run

    print(track_last_run())


def store(
    action: Annotated[
        Action | None,
        typer.Argument(help="move: the repository was moved or copied; its runs go with it."),
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Print where its server shows the runs instead.")
    ] = False,
) -> None:
    """Print the address of MLflow's database, or put its paths right after a move.

    The address is for `mlflow ui` and other readers.
    """
    if action is not None:
        from ferflow.tracking.move import move_store

        print(move_store())
        return
    from ferflow.tracking.store import open_store, runs_page, told

    with told("read"):
        client, experiment_id = open_store()
    print(runs_page(experiment_id) if page else client.tracking_uri)


COMMANDS: list[Callable[..., None]] = [track, store]
