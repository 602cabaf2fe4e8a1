"""Types that the architectures' options share."""

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, lt=1)]  # of values that a dropout leaves out
