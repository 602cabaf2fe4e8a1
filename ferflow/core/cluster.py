"""A connection to a Dask scheduler. Dask is imported when one is made, never with this module.

A scheduler runs any code that reaches it, as its user: docs/cluster.md says how to close it.
"""

import asyncio
import logging
import os
import warnings
from typing import TYPE_CHECKING

from ferflow.core.errors import FerflowError, one_line

if TYPE_CHECKING:
    from distributed import Client

VARIABLE = "DASK_SCHEDULER_ADDRESS"
TIMEOUT = 6.0  # seconds to connect in; Dask's own default is 30


def connect(address: str | None) -> "Client":
    """A client of the scheduler at an address, such as tcp://host:8786; close it after use.

    address : None is what the environment variable DASK_SCHEDULER_ADDRESS names. A tls:// address
    takes the certificates of Dask's configuration. The client is nobody's default.
    Raises FerflowError in ten seconds if there is no address, no scheduler, or no agreement on TLS;
    ModuleNotFoundError without the extra `cluster`.
    """
    from distributed import Client

    place = address or os.environ.get(VARIABLE)
    if not place:
        raise FerflowError(
            f"no scheduler is named. Give --cluster tcp://HOST:8786 or set {VARIABLE}; "
            "docs/cluster.md says how to start one."
        )
    # what fails is told in a line of ours; Dask would print tracebacks too, also at the end
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_reach(place))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on versions: `ferflow.runs.cluster_check` compares
            return Client(place, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        reason = one_line(error) or type(error).__name__
        raise FerflowError(
            f"no Dask scheduler answers at {place} ({reason}). Legal is what `dask scheduler` "
            "prints, such as tcp://HOST:8786; start one or correct the address."
        ) from None


async def _reach(address: str) -> None:
    """Ask who is there; TimeoutError, an OSError, where something listens that stays silent."""
    from distributed import Security, rpc

    arguments = Security().get_connection_args("client")
    async with asyncio.timeout(TIMEOUT + 1):
        async with rpc(address, timeout=TIMEOUT, connection_args=arguments) as found:
            await found.identity(n_workers=0)  # a worker takes no such argument: TypeError
