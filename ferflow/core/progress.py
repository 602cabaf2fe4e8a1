"""Progress bars appear on terminals, and nowhere if the variable FERFLOW_QUIET is set."""

import os
from functools import wraps
from typing import Any

QUIET = "FERFLOW_QUIET"


def hide_if_quiet() -> None:
    """Hide every bar of this process if FERFLOW_QUIET is set, those of other libraries too."""
    if not os.environ.get(QUIET):
        return
    from tqdm import tqdm

    make = tqdm.__init__

    @wraps(make)
    def hidden(bar: "tqdm[Any]", *given: Any, **options: Any) -> None:
        make(bar, *given, **(options | {"disable": True}))

    tqdm.__init__ = hidden  # type: ignore[method-assign, assignment]
