"""What each architecture weighs: `ferflow models`.

network_sizes.json beside this file holds what `measure` found for the presets here, for those who
have no torch; `python -m ferflow.settings.network_sizes` writes it again, and a test compares.
"""

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from typing import Any

from ferflow.core.errors import ParamError
from ferflow.core.params import nearest
from ferflow.settings.presets import OPTIONS, load_preset, preset_names
from ferflow.training.families.network import architecture, architecture_names

TABLE = Path(__file__).with_suffix(".json")
NUMBERS = ("trainable", "fixed", "multiply_adds")  # as `measure` returns them
N_CLASSES = 7
NETWORK = "train.network"


@dataclass(frozen=True)
class Size:
    """An architecture with a preset's options.

    trainable, fixed : numbers, as Keras counts them: batch norm's running statistics are fixed.
    multiply_adds : of one image of 48x48, in convolutions and dense layers.
    """

    architecture: str
    options: dict[str, Any]
    trainable: int
    fixed: int
    multiply_adds: int
    presets: tuple[str, ...]
    papers: tuple[str, ...]


def network_sizes() -> list[Size]:
    """Every architecture as its presets use it, but `finetune`, which is what its backbone is."""
    uses: dict[tuple[str, str], list[str]] = {}
    for name in preset_names():
        overlay = load_preset(name).overlay
        kind = overlay.get("train.network.architecture")
        if kind is not None:
            options = json.dumps(_options(overlay), sort_keys=True)
            uses.setdefault((kind, options), []).append(name)
    return [_size(kind, names) for (kind, _), names in sorted(uses.items()) if kind != "finetune"]


def explain(name: str) -> str:
    """What an architecture is, its options with their defaults, and the faces that it takes."""
    legal = architecture_names()
    if name not in legal:
        raise ParamError(
            f"there is no architecture '{name}'.{nearest(name, legal)} Legal: {', '.join(legal)}."
        )
    module = architecture(name)
    fields = module.Options.model_fields
    defaults = [f"  {key}: {field.default!r}" for key, field in fields.items()]
    parts = [cleandoc(module.__doc__), cleandoc(module.Options.__doc__)]
    if defaults:
        parts.append("\n".join(["defaults:", *defaults]))
    if sides := getattr(module, "SIDES", None):
        parts.append(f"data.size: {sides[0]} to {sides[-1]}, the sides in pixels that it takes")
    return "\n\n".join(parts)


def table_text(sizes: list[Size]) -> str:
    """What network_sizes.json holds of them, a line each."""
    lines = []
    for size in sizes:
        entry = asdict(size)
        lines.append(json.dumps({key: entry[key] for key in ("architecture", "options", *NUMBERS)}))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _size(kind: str, names: list[str]) -> Size:
    presets = [load_preset(name) for name in names]
    options = _options(presets[0].overlay)
    papers = tuple(sorted({preset.paper for preset in presets if preset.paper}))
    return Size(kind, options, *_numbers(kind, options), presets=tuple(names), papers=papers)


def size_of(params: dict[str, Any]) -> Size | None:
    """The size of the network that a run's parameters (dotted key -> value) describe.

    None where they describe another classifier, or a network that no preset here uses.
    """
    if params.get("train.family") != "network":
        return None
    kind, options = str(params.get(f"{NETWORK}.architecture")), _options(params)
    for entry in json.loads(TABLE.read_text(encoding="utf-8")):
        if (entry["architecture"], entry["options"]) == (kind, options):
            trainable, fixed, multiply_adds = (entry[name] for name in NUMBERS)
            return Size(kind, options, trainable, fixed, multiply_adds, (), ())
    return None


def _numbers(kind: str, options: dict[str, Any]) -> tuple[int, int, int]:
    """(trainable, fixed, multiply-adds), measured where torch is installed."""
    if find_spec("torch") is None:
        for entry in json.loads(TABLE.read_text(encoding="utf-8")):
            if (entry["architecture"], entry["options"]) == (kind, options):
                trainable, fixed, multiply_adds = (entry[name] for name in NUMBERS)
                return trainable, fixed, multiply_adds
    from ferflow.settings.measure_network import measure
    from ferflow.training.families.network import build_network

    return measure(build_network(kind, N_CLASSES, options))


def _options(overlay: dict[str, Any]) -> dict[str, Any]:
    """A preset's options of its architecture."""
    start = f"{OPTIONS}."
    return {k.removeprefix(start): v for k, v in overlay.items() if k.startswith(start)}


if __name__ == "__main__":
    TABLE.write_text(table_text(network_sizes()), encoding="utf-8", newline="\n")
