"""The command about clusters, and the option of those that run on one."""

from enum import StrEnum
from typing import Annotated

import typer

from ferflow.core.cluster import VARIABLE

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        envvar=VARIABLE,
        metavar="ADDRESS",
        help="Run on a Dask cluster, such as tcp://127.0.0.1:8786; see docs/cluster.md.",
    ),
]


class Action(StrEnum):
    """What `ferflow cluster` does."""

    CHECK = "check"


def cluster(
    action: Annotated[  # noqa: ARG001, there is one
        Action, typer.Argument(help="check: whether each worker can run params.yaml.")
    ],
    cluster: ClusterOption = None,
) -> None:
    """Check the workers of a Dask cluster: their code, packages, data and memory."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.core.cluster import connect
    from ferflow.core.params import PARAMS_FILE, read_yaml
    from ferflow.runs.cluster_check import inspect, needed_mb, refuse_unfit
    from ferflow.settings.check import check_params

    params = read_yaml(PARAMS_FILE)
    check_params(params)
    with connect(cluster) as client:
        members = inspect(client, [params])
    table = Table("", "address", "runs at once", "memory", "commit", "fits")
    table.columns[1].no_wrap = True
    for member in members:
        memory = "no limit" if member.memory_mb is None else f"{member.memory_mb / 1000:.1f} GB"
        room = (str(member.threads), memory) if member.threads else ("", "")
        fits = "no" if member.faults else "yes"
        table.add_row(member.kind, member.address, *room, member.commit, fits)
    console = Console()
    console.print(table)
    needed = needed_mb([params])
    console.print(
        "How much memory these parameters take is not known: they were never run and recorded."
        if needed is None
        else f"A stage of these parameters took up to {needed:,.0f} MB."
    )
    refuse_unfit(members)
