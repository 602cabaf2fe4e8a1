"""The reference pages that come from the code: parameters and commands.

They are written to docs/generated before Sphinx reads the pages. The parameters' words are the
comments of presets/defaults.yaml, what is legal comes from the records that check params.yaml, and
the commands are those that `ferflow --help` lists.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperGroup, TyperOption

import ferflow.features.extractors
import ferflow.training.architectures
from ferflow import cli
from ferflow.core.choices import names_in
from ferflow.core.files import atomic
from ferflow.core.params import flatten, read_yaml
from ferflow.documents.render import in_cell, in_text
from ferflow.settings.check import SECTIONS
from ferflow.training.shared.params import TrainParams, family_names

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DEFAULTS = Path("presets/defaults.yaml")
_KEY = re.compile(r"( *)([A-Za-z_]\w*):")
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}


def setup(app: "Sphinx") -> dict[str, Any]:
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: "Sphinx") -> None:
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in (("parameters", parameters()), ("commands", commands())):
        path = folder / f"{name}.md"
        if (
            not path.exists() or path.read_text(encoding="utf-8") != text
        ):  # else Sphinx reads it again
            with atomic(path) as part:
                part.write_text(text, encoding="utf-8")


def parameters() -> str:
    """Every parameter: what it means, what is legal, its default."""
    words = comments(DEFAULTS.read_text(encoding="utf-8"))
    defaults, fields = flatten(read_yaml(DEFAULTS)), dict(_all_fields())
    lines = [
        "# Parameters",
        "",
        "`params.yaml` describes a system. `ferflow use PRESET` writes it. Edit a value, then",
        "`dvc repro` runs the stages that read it. This page is made of the comments in",
        "`presets/defaults.yaml` and of the records that check the file. A preset replaces some of",
        "the defaults.",
        "",
    ]
    for key in words:
        level = key.count(".")
        if key not in defaults:  # a section
            lines += [f"{'#' * (level + 2)} `{key}`", "", *_markdown(words[key]), ""]
            continue
        legal = _legal_values(key, fields.get(key))
        lines += [f":::{{confval}} {key}", "", *_markdown(words[key]), ""]
        lines += [
            f"{f'Legal: {legal}. ' if legal else ''}Default: `{_yaml(defaults[key])}`.",
            ":::",
            "",
        ]
    return "\n".join(lines)


def comments(text: str) -> dict[str, list[str]]:
    """Dotted key -> the lines of the comment above it, in the file's order."""
    found: dict[str, list[str]] = {}
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        if not line.strip():
            above = []
        elif line.lstrip().startswith("#"):
            above.append(line.lstrip()[1:].removeprefix(" "))
        elif match := _KEY.match(line):
            path = [*path[: len(match[1]) // 2], match[2]]
            found[".".join(path)] = above
            above = []
    return found


def _markdown(lines: list[str]) -> Iterator[str]:
    """A comment as Markdown: lines set in by two spaces or more are a block of their own."""
    inside, paragraph = False, []
    for line in lines:
        if line.startswith("  ") != inside:
            if paragraph:
                yield in_text(" ".join(paragraph))
                paragraph = []
            yield "```" if inside else "\n```text"
            inside = not inside
        if inside:
            yield line[2:]
        else:
            paragraph.append(line)
    if inside:
        yield "```"
    if paragraph:
        yield in_text(" ".join(paragraph))


def _all_fields() -> Iterator[tuple[str, FieldInfo]]:
    families = {
        f"train.{name}": importlib.import_module(f"ferflow.training.families.{name}").Params
        for name in family_names()
    }
    for section, record in {**SECTIONS, "train": TrainParams, **families}.items():
        yield from _fields(section, record)


def _fields(section: str, record: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in record.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(f"{section}.{name}", inner)
        else:
            yield f"{section}.{name}", field


def _legal_values(key: str, field: FieldInfo | None) -> str:
    choices = {
        "features.method": names_in(ferflow.features.extractors),
        "train.family": family_names(),
        "train.network.architecture": names_in(ferflow.training.architectures),
    }
    if key in choices:
        return ", ".join(f"`{name}`" for name in choices[key])
    if field is None:
        return ""
    bounds = [
        text.format(f"{getattr(limit, name):,}")
        for limit in field.metadata
        for name, text in _BOUNDS.items()
        if hasattr(limit, name)
    ]
    return " ".join([_words(field.annotation), *bounds])


def _words(annotation: Any) -> str:
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if kind in (Union, UnionType):
        return " or ".join(_words(part) for part in inner)
    if kind is list:
        of = _words(inner[0])
        return "a list" if of == "a mapping" else f"a list of: {of}"  # a step may be a name, too
    names = {
        bool: "`true`, `false`",
        int: "a whole number",
        float: "a number",
        str: "text",
        NoneType: "`null`",
    }
    return names.get(annotation, "a mapping")


def _yaml(value: object) -> str:
    """A value as params.yaml writes it, in a line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).replace("'", "") if isinstance(value, list | dict) else str(value)


def commands() -> str:
    """Every command: what it does, its arguments and options."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, TyperGroup)
    context = group.context_class(group, info_name="ferflow")
    lines = ["# Commands", "", "`ferflow COMMAND --help` says the same in the terminal.", ""]
    for title, names in cli.GROUPS.items():
        lines += [f"## {title}", ""]
        for name in names:
            lines += _command(name, group.commands[name], context)
    return "\n".join(lines)


def _command(name: str, command: Any, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=name, parent=parent)
    yield f"### `{name}`\n"
    usage = re.sub(r"[{}]", "", " ".join(command.collect_usage_pieces(context))).upper()
    yield f"```text\nferflow {name} {usage}\n```\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield f"{in_text(paragraph)}\n"
    rows = [_parameter(one, context) for one in command.params if not getattr(one, "hidden", False)]
    if rows:
        yield "| | |\n|---|---|"
        yield from rows
        yield ""


def _parameter(one: Any, context: Any) -> str:
    if isinstance(one, TyperOption):
        names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
        default = one.get_default(context)
        shown = default not in (None, False, "", []) and not callable(default)
        more = f" Default: `{default}`." if shown and not one.secondary_opts else ""
    else:
        names, more = f"`{one.name.upper()}`", ""
    return f"| {names} | {in_cell(str(getattr(one, 'help', '') or ''))}{more} |"
