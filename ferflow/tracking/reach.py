"""Whether MLflow's server is there, asked before MLflow is: its own retries take minutes."""

import re
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ferflow.core.errors import FerflowError

SECONDS = 6  # altogether, looking the name up included
_NOT_THERE = (502, 503, 504)  # a proxy, or a machine, that answers for a server that does not


def check_server(uri: str) -> None:
    """Raise FerflowError within `SECONDS` where no server answers at a URI of http or https.

    Any answer will do, one without permission or with a certificate that is unknown here too:
    MLflow has settings of its own for both. Other URIs are not looked at.
    """
    if uri.partition(":")[0].lower() not in ("http", "https"):
        return
    address = _without_password(uri)
    reasons: list[str | None] = []
    # a thread: looking a name up has no time limit of its own
    asking = Thread(target=lambda: reasons.append(_fault(address)), daemon=True)
    asking.start()
    asking.join(SECONDS)
    reason = reasons[0] if reasons else f"no answer within {SECONDS} seconds"
    if reason is not None:
        raise FerflowError(
            f"no MLflow server answers at {address}, which MLFLOW_TRACKING_URI names ({reason}). "
            "Start the server, correct the address, or unset MLFLOW_TRACKING_URI to use the "
            "repository's own store; then run `ferflow track`."
        )


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
    return " ".join(str(text).split())


def _without_password(uri: str) -> str:
    """The URI without user and password: they belong in no message."""
    return re.sub(r"(?<=://)[^/]*@", "", uri)
