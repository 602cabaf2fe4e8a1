"""The section `compute`: whether scikit-learn-intelex may be used, and batch norm be local."""

from typing import Literal

from ferflow.core.acceleration import is_installed
from ferflow.core.errors import ParamError
from ferflow.core.params import PARAMS_FILE, Record

Accelerate = Literal["auto", "on", "off"]


class ComputeParams(Record):
    """The section `compute`."""

    accelerate: Accelerate
    allow_local_batch_norm: bool = False  # params.yaml files of before ranks have it not

    def checked(self) -> Accelerate:
        """What to do on this machine: 'off' where 'auto' finds no package.

        Raises ParamError if it is to be on and is not installed.
        """
        if self.accelerate == "off" or is_installed():
            return self.accelerate
        if self.accelerate == "on":
            raise ParamError(
                f"{PARAMS_FILE}: compute.accelerate is on, and scikit-learn-intelex is not "
                "installed. Install it (x86_64 only) with: pip install '.[fast]'; or set it to "
                "auto or off."
            )
        return "off"
