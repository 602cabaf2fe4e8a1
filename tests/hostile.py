"""What the tests of files from a stranger share."""

import os
import resource

DEEP = b"[" * 100_000


class Planted:
    """What runs when a pickle is opened."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


def peak():
    """The most memory, in bytes, that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
