"""An image classifier of `transformers`, scored as it is published: nothing is fitted."""

from pydantic import Field

from ferflow.core.params import Record


class Params(Record):
    """The section `train.pretrained`; presets/defaults.yaml says what each key means."""

    model: str | None
    model_sha256: str | None
    classes: dict[str, str | None]
    batch_size: int = Field(ge=1)
