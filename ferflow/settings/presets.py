"""Presets: each system as a few lines over the default parameters, and `ferflow use`.

params.yaml is always presets/defaults.yaml with a preset's overlay and the user's settings put
into it, comments and all.
"""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from ferflow.core.dvc_locks import refuse_while_dvc_runs
from ferflow.core.errors import ParamError
from ferflow.core.files import atomic
from ferflow.core.hashing import refuse_absent, sha256_of
from ferflow.core.image_steps import in_units
from ferflow.core.params import PARAMS_FILE, Record, flatten, from_root, nearest, read_yaml
from ferflow.core.yaml_text import parse_yaml
from ferflow.settings.check import check_params, check_pictures

PRESETS = Path("presets")  # of the repository
DEFAULTS = PRESETS / "defaults.yaml"
OPTIONS = "train.network.options"  # whose keys are the architecture's own
_MAP = "data.classes_map"
_FREE = (OPTIONS, _MAP)  # sections whose keys anybody names
PATHS = (  # keys of files and folders on the user's machine
    *("data.path", "features.backbone", "features.landmarks", "train.pretrained.model"),
    f"{OPTIONS}.backbone",
    "train.network.teachers",
)


_HOW_TO_GET = {
    "FER-2013": (
        "(Kaggle's msambare/fer2013, zip or unpacked), or let it be fetched: "
        "--set data.source=kaggle"
    ),
    "CK+48": (
        "(the 48x48 edition, CK+48/<class>/<subject>_<sequence>_<frame>.png, zip or unpacked; CK+ "
        "may not be passed on, its makers give it to researchers who sign for it)"
    ),
}


# What augments in a paper's Keras: layers of the network, or ImageDataGenerator, which up to Keras
# 2.8 stretches grey levels where it changes the brightness.
KERAS = ("generator to 2.8", "generator from 2.9", "layers")


class _File(Record):
    """What a preset's file holds."""

    about: str
    paper: str | None = None
    keras: str | None = None
    needs: Literal["FER-2013", "CK+48"] = "FER-2013"
    params: dict[str, Any]
    sweep: list[list[dict[str, Any]]] = Field(default=[])

    @field_validator("keras", mode="before")
    @classmethod
    def _known(cls, keras: object) -> object:
        if keras not in (*KERAS, None):
            near = nearest(keras, KERAS)
            raise ValueError(
                f"must be one of {', '.join(KERAS)}; got {keras!r}{near and '.' + near}"
            )
        return keras


@dataclass(frozen=True)
class Preset:
    """A named system: what it is, and which paper it follows (a key of the papers' registry).

    keras : whose augmentation it follows, one of `KERAS`; None if the paper names none.
    needs : the data set that `data.path` has to name, a key of `_HOW_TO_GET`.
    """

    name: str
    about: str
    paper: str | None
    keras: str | None
    needs: str
    overlay: dict[str, Any]  # dotted key -> value


def preset_names() -> list[str]:
    """The presets that there are, the default first."""
    names = sorted(path.stem for path in _folder().glob("*.yaml") if path.name != DEFAULTS.name)
    return sorted(names, key=lambda name: name != "quickstart")


def load_preset(name: str) -> Preset:
    """A preset by name; ParamError if there is none, with the nearest."""
    legal = preset_names()
    if name not in legal:
        raise ParamError(
            f"there is no preset '{name}'.{nearest(name, legal)} Legal: {', '.join(legal)}."
        )
    path = _folder() / f"{name}.yaml"
    try:
        content = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        fault = error.errors()[0]
        said = fault["msg"].removeprefix("Value error, ")
        said += "" if said.endswith("?") else "."
        raise ParamError(f"{path}: {'.'.join(map(str, fault['loc']))}: {said}") from None
    overlay = flatten(content.params)
    return Preset(name, content.about, content.paper, content.keras, content.needs, overlay)


def _folder() -> Path:
    """The repository's presets or, outside one, those that ferflow came with."""
    return PRESETS if DEFAULTS.exists() else came_with() / PRESETS


def came_with() -> Path:
    """The folder with the files that belong to ferflow and are not its code.

    A wheel has them within the package (setup.py), a clone beside it.
    """
    package = Path(__file__).parents[1]
    inside = package / "repository"
    return inside if inside.exists() else package.parent


def use(name: str, settings: dict[str, Any]) -> list[str]:
    """Write params.yaml for a preset and settings (dotted key -> value), checked beforehand.

    Returns a line for each of the user's own edits of the old params.yaml that is gone now.
    """
    params = compose(name, settings)
    refuse_while_dvc_runs()
    edits = own_edits()
    with atomic(PARAMS_FILE) as part:
        part.write_text(params_text(params), encoding="utf-8", newline="\n")
    now = in_units(flatten(_plain(params)))
    return [
        f"{key}: {value!r} (now {now.get(key)!r})"
        for key, value in edits.items()
        if now.get(key) != value
    ]


def own_edits() -> dict[str, Any]:
    """What is written in params.yaml (dotted key -> value) beyond the preset that it names.

    Without the fingerprints, which follow from the paths.
    """
    if not PARAMS_FILE.exists():
        return {}
    try:
        params = read_yaml(PARAMS_FILE)
    except ParamError:  # unreadable: nothing in it can be compared, and it is about to be replaced
        return {}
    name = params.get("preset")
    expected = flatten(read_yaml(DEFAULTS)) | {"preset": name}
    if name in preset_names():
        expected |= load_preset(str(name)).overlay
    expected = in_units(expected)
    return {
        key: value
        for key, value in in_units(flatten(params)).items()
        if not key.endswith("sha256") and expected.get(key, _ABSENT) != value
    }


def compose(name: str, settings: dict[str, Any]) -> Any:
    """A preset's parameters with comments, settings, and fingerprints of the paths in them."""
    from ruamel.yaml import YAML  # of the workflow: who only lists presets needs it not

    params = YAML().load(DEFAULTS.read_text(encoding="utf-8"))
    if settings.get("data.path") is not None:  # whoever names a path means it
        settings = {"data.source": "path", **settings}
    changes = {**load_preset(name).overlay, **settings}
    if "preset" in changes:
        raise ParamError(
            f"preset cannot be set; it is {name}. To use another one: "
            f"ferflow use {changes['preset']}"
        )
    for key, value in {"preset": name, **changes}.items():
        _set(params, key, value)
    network = params["train"]["network"]
    if isinstance(network["teachers"], list):
        network["teachers_sha256"] = [sha256_of(from_root(str(t))) for t in network["teachers"]]
    check_params(_plain(params))
    data, features = params["data"], params["features"]
    if data["source"] == "path":
        if data["path"] is None:
            needs = load_preset(name).needs
            raise ParamError(
                f"the preset '{name}' needs {needs}: ferflow use {name} "
                f"--set data.path=FILE_OR_FOLDER {_HOW_TO_GET[needs]}"
            )
        refuse_absent(Path(data["path"]), "data.path")
        data["sha256"] = sha256_of(Path(data["path"]))
    parts = features["joined"] if features["method"] == "joined" else [features["method"]]
    if "backbone" in parts:
        _add_fingerprint(features, "features", "backbone")
    if "landmarks" in parts:
        features["landmarks_sha256"] = sha256_of(Path(features["landmarks"]))
    _add_fingerprint(params["train"]["pretrained"], "train.pretrained", "model")
    if network["architecture"] == "finetune":
        _add_fingerprint(network["options"], OPTIONS, "backbone")
    check_pictures(_plain(params))
    return params


def _add_fingerprint(section: Any, where: str, key: str) -> None:
    """Write a local network's sha256 beside its path; a name of the hub stays without."""
    name = section.get(key)
    if name is not None and (Path(name).is_dir() or name.startswith((".", "/", "~"))):
        refuse_absent(Path(name), f"{where}.{key}")
        section[f"{key}_sha256"] = sha256_of(Path(name))


def parse_setting(text: str) -> tuple[str, Any]:
    """'balance.method=none' as key and value; the value is read as it would be in params.yaml."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ParamError(f"a setting is key=value, such as balance.method=none; got '{text}'.")
    try:
        return key.strip(), parse_yaml(value)
    except ValueError:
        raise ParamError(f"{key}: '{value}' is not a YAML value.") from None


def _set(params: Any, key: str, value: Any) -> None:
    """Put a value at a dotted key that must be there already."""
    if key == _MAP and isinstance(value, dict):
        value = {str(word): name for word, name in value.items()}
    if key == OPTIONS and isinstance(value, dict):
        value = {name: _expanded(f"{OPTIONS}.{name}", option) for name, option in value.items()}
    value = _expanded(key, value)
    *sections, last = key.split(".")
    place = params
    for section in sections:
        place = place.get(section) if isinstance(place, dict) else None
    if ".".join(sections) in _FREE and isinstance(place, dict):
        place[last] = value
        return
    if not isinstance(place, dict) or last not in place:
        raise ParamError(f"there is no parameter '{key}'.{nearest(key, flatten(_plain(params)))}")
    if isinstance(place[last], dict) and key not in _FREE:
        raise ParamError(f"'{key}' is a section; set one of {', '.join(flatten(place[last]))}.")
    place[last] = value


def _expanded(key: str, value: Any) -> Any:
    """A value with the home folder for its '~', if the key's value is a path."""
    if key in PATHS and isinstance(value, list):
        return [_expanded(key, each) for each in value]
    if key in PATHS and isinstance(value, str) and value.startswith("~"):
        return str(from_root(value))
    return value


def params_text(params: Any) -> str:
    """What is written in params.yaml for commented parameters."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 100
    yaml.representer.add_representer(
        type(None),
        lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null"),
    )
    stream = StringIO()
    yaml.dump(params, stream)
    return stream.getvalue()


def _plain(params: Any) -> dict[str, Any]:
    """Commented parameters as the plain values that a reader of the file would get."""
    plain: dict[str, Any] = parse_yaml(params_text(params))
    return plain


_ABSENT = object()
