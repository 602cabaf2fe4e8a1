"""Networks trained from images, one training loop for all architectures."""

import importlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, ValidationError, field_validator, model_validator

import ferflow.training.architectures
from ferflow.core.choices import known, names_in
from ferflow.core.errors import ParamError
from ferflow.core.params import Record, explain
from ferflow.training.shared.policy import Step, check_policy

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

Share = Annotated[float, Field(ge=0, lt=1)]  # of values that a dropout leaves out


SOFT = True  # it learns people's votes where there are some
RANKS = True  # several processes can train it together


class Params(Record):
    """The section `train.network`; presets/defaults.yaml says what each key means."""

    architecture: str
    options: dict[str, Any]
    input: Literal["unit", "standardised"]
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    schedule: Literal["constant", "plateau", "cosine", "warm_restarts", "one_cycle"]
    schedule_epochs: int = Field(ge=1)
    loss: Literal["cross_entropy", "focal"]
    focal_gamma: float = Field(ge=0)
    class_weight: Literal["balanced"] | None
    label_smoothing: float = Field(ge=0, lt=1)
    mixup: float = Field(ge=0)
    augmentation: list[Any]
    ema_decay: float | None = Field(gt=0, lt=1)
    # params.yaml files of before teachers have none of these
    teachers: list[str] = Field([])
    teachers_sha256: list[str] = Field([])
    teachers_share: float = Field(0.9, gt=0, le=1)
    teachers_temperature: float = Field(1.0, gt=0)
    monitor: Literal["accuracy", "f1_macro", "loss"]
    patience: int | None = Field(ge=1)
    min_delta: float = Field(ge=0)
    precision: Literal["auto", "float32", "bfloat16"]
    device: Literal["auto", "cpu", "cuda"]

    @field_validator("architecture")
    @classmethod
    def _known(cls, name: str) -> str:
        return known(name, ferflow.training.architectures)

    @field_validator("augmentation")
    @classmethod
    def _legal_policy(cls, policy: list[Any]) -> list[Any]:
        check_policy(policy)
        return policy

    @model_validator(mode="after")
    def _legal_options(self) -> "Params":
        check_options(self.architecture, self.options)
        if self.loss == "focal" and self.label_smoothing:
            raise ValueError("label_smoothing is cross-entropy's; with focal loss it must be 0.")
        if self.input != "unit" and any(step.name == "stretch_levels" for step in self.policy):
            raise ValueError(
                "stretch_levels needs input: unit, because it stretches grey levels from 0 to 1; "
                f"got input: {self.input}."
            )
        return self

    @model_validator(mode="after")
    def _legal_teachers(self) -> "Params":
        names, prints = self.teachers, self.teachers_sha256
        if len(names) != len(prints):
            raise ValueError(
                f"teachers and teachers_sha256 must be as long as each other; got {len(names)} and "
                f"{len(prints)}. `ferflow use PRESET --set train.network.teachers=[FOLDER]` writes "
                "both."
            )
        return self

    @property
    def policy(self) -> list[Step]:
        """The augmentation, checked."""
        return check_policy(self.augmentation)

    @property
    def backbone(self) -> tuple[str, int] | None:
        """The pretrained network that it stands on, and the side in pixels of its images."""
        options = check_options(self.architecture, self.options).model_dump()
        return (options["backbone"], options["input_size"]) if "backbone" in options else None

    @property
    def of_an_epoch(self) -> dict[str, Any]:
        """What an epoch depends on: all but `epochs`, unless the schedule spans them."""
        spanned = self.schedule in ("cosine", "one_cycle")
        return self.model_dump(exclude=None if spanned else {"epochs"})


def architecture_names() -> list[str]:
    """The architectures that there are."""
    return names_in(ferflow.training.architectures)


def architecture(name: str) -> Any:
    """The module of an architecture: `Options`, `build` and, where faces must have one, `SIDES`."""
    return importlib.import_module(f"ferflow.training.architectures.{name}")


def check_options(name: str, options: dict[str, Any]) -> Record:
    """The options of an architecture; what is not named has its default.

    Raises ValueError that says what is legal.
    """
    record = architecture(name).Options
    try:
        return cast(Record, record.model_validate(options))
    except ValidationError as error:
        fault = explain(record, error)[0]
        raise ValueError(f"options{fault} `ferflow models {name}` explains them.") from None


def check_side(name: str, side: int) -> None:
    """ParamError where an architecture takes no faces of so many pixels; names those it takes."""
    sides = getattr(architecture(name), "SIDES", None)  # none: it takes any
    if sides is not None and side not in sides:
        others = [
            other for other in architecture_names() if not hasattr(architecture(other), "SIDES")
        ]
        raise ParamError(
            f"train.network.architecture {name} takes faces of {sides[0]} to {sides[-1]} pixels, "
            f"data.size; got {side}. Any size is taken by: {', '.join(others)}."
        )


def build_network(
    name: str, n_classes: int, options: dict[str, Any], channels: int = 1
) -> "nn.Module":
    """A network for grey (1) or colour (3) faces with its first weights, from torch's stream."""
    built = architecture(name).build(n_classes, check_options(name, options), channels)
    return cast("nn.Module", built)
