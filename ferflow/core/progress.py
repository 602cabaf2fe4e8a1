"""Progress bars appear on terminals, and nowhere if the variable FERFLOW_QUIET is set.

`ferflow --quiet` sets it. Work that ends within `DELAY` shows no bar.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

QUIET = "FERFLOW_QUIET"
DELAY = 1.0  # seconds

T = TypeVar("T")


def progress(items: Iterable[T], what: str, *, unit: str, total: int | None = None) -> Iterator[T]:
    """The items one after the other; a bar on the error stream counts them and then disappears.

    what : the text before the bar. unit : what an item is, such as 'image'. total : the number of
    items, if `items` has no length.
    """
    from tqdm import tqdm  # where it is needed: importing this module should cost nothing

    yield from tqdm(
        items, desc=what, unit=unit, total=total, disable=None, delay=DELAY, leave=False
    )


@contextmanager
def progress_bytes(total: int, what: str) -> Iterator[Callable[[int], object]]:
    """A bar as of `progress` for `total` bytes; gives the function that adds those done."""
    from tqdm import tqdm

    bar = tqdm(
        desc=what, total=total, unit="B", unit_scale=True, disable=None, delay=DELAY, leave=False
    )
    with bar:
        yield bar.update


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
