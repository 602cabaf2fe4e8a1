"""Whether MLflow's server or database is there, asked first: MLflow's retries take minutes."""

import re
import socket
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ferflow.core.errors import FerflowError, one_line

SECONDS = 6  # altogether, looking the name up included
_NOT_THERE = (502, 503, 504)  # a proxy, or a machine, that answers for a server that does not
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # of databases that MLflow knows


def check_server(uri: str) -> None:
    """Raise FerflowError within `SECONDS` where no server answers at a URI of http or https.

    Any answer will do, one without permission or with a certificate that is unknown here too:
    MLflow has settings of its own for both. At a database's URI it is enough that its port is
    open. Other URIs are not looked at.
    """
    database = names_database(uri)
    if not database and _scheme(uri) not in ("http", "https"):
        return
    address = _without_password(uri)
    reasons: list[str | None] = []
    look = _closed_port if database else _fault
    # a thread: looking a name up has no time limit of its own
    asking = Thread(target=lambda: reasons.append(look(address)), daemon=True)
    asking.start()
    asking.join(SECONDS)
    reason = reasons[0] if reasons else f"no answer within {SECONDS} seconds"
    if reason is not None:
        name = "database" if database else "MLflow server"
        raise FerflowError(
            f"no {name} answers at {address}, which MLFLOW_TRACKING_URI names ({reason}). "
            "Start the server, correct the address, or unset MLFLOW_TRACKING_URI to use the "
            "repository's own store; then run `ferflow track`."
        )


def names_database(uri: str) -> bool:
    """Whether a URI names a database on a server, such as postgresql+psycopg://host/name."""
    return _scheme(uri) in _PORTS


def _scheme(uri: str) -> str:
    return uri.partition(":")[0].partition("+")[0].lower()


def _closed_port(address: str) -> str | None:
    """Why no connection to a database can be made; None where one can, or no host is named."""
    try:
        parts = urlsplit(address)
        if not parts.hostname:  # a socket file of this machine
            return None
        port = parts.port or _PORTS[_scheme(address)]
        socket.create_connection((parts.hostname, port), timeout=2 * SECONDS).close()
    except (OSError, ValueError) as error:
        return _words(error)
    return None


def _fault(address: str) -> str | None:
    """Why the server does not answer; None where it does."""
    try:
        with urlopen(Request(f"{address.rstrip('/')}/health"), timeout=2 * SECONDS):
            return None
    except HTTPError as error:
        return f"HTTP status {error.code}" if error.code in _NOT_THERE else None
    except URLError as error:
        return None if _has_unknown_certificate(error) else _words(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return _words(error)


def _has_unknown_certificate(error: URLError) -> bool:
    import ssl  # takes long to load

    return isinstance(error.reason, ssl.SSLCertVerificationError)


def _words(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return one_line(text)


def _without_password(uri: str) -> str:
    """The URI without user and password: they belong in no message."""
    return re.sub(r"(?<=://)[^/]*@", "", uri)
