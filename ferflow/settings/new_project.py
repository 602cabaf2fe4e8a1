"""A project of your own: the chain in a new folder, with the installed ferflow.

Its stages depend on code/: a file for each room of ferflow that they run, which holds the room's
fingerprint. The stage `code` writes them, always, so that what an upgrade changes runs again.
"""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ferflow.core.errors import FerflowError, ParamError, one_line
from ferflow.core.files import atomic
from ferflow.core.params import PARAMS_FILE
from ferflow.core.paths import CODE, PIPELINE_FILE
from ferflow.core.pipeline import dvc_md5
from ferflow.core.stage import run_stage
from ferflow.settings.presets import DEFAULTS, PRESETS, came_with, compose, params_text

_PACKAGE = Path(__file__).parents[1]
_COPIED = (
    "stages",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
    DEFAULTS,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ROOM = re.compile(r"^( +- )ferflow/(\S+)$", re.MULTILINE)  # a line of deps in our dvc.yaml
_FINGERPRINT = re.compile(rf"^ +- {CODE}/(\S+)\.txt$", re.MULTILINE)  # the same in a project's
_CODE_STAGE = f"""\
  # Notes which code ferflow is: whatever an upgrade changes runs again.
  code:
    cmd: exec python -m ferflow.settings.new_project {CODE}
    always_changed: true
    outs:
      - {CODE}: {{cache: false}}

"""
_README = """\
# {name}

A chain of ferflow {version}, on the data that `params.yaml` names.

    dvc repro                      # run what changed
    ferflow show                   # its scores
    git add --all && git commit    # keep them
    dvc metrics diff               # after a change in params.yaml and `dvc repro`: what it did
    ferflow track                  # put the run into MLflow

- `params.yaml`: every parameter, explained. `ferflow use {name}` writes it from
  `presets/{name}.yaml`, the few lines that are yours, over `presets/defaults.yaml`.
- `stages/`, `dvc.yaml`: the chain. Change a stage, or put one between two, and `dvc repro`.
- `code/`: fingerprints of the installed ferflow. After an upgrade `dvc repro` runs what it touches.
"""


def new_project(folder: Path, data: Path, settings: dict[str, Any]) -> None:
    """Make a folder with the chain, a preset of the folder's name, and params.yaml for the data.

    folder : not there yet, or empty; its name becomes the preset's and the runs'. data : what
    `data.path` takes. settings : other parameters (dotted key -> value), part of the preset.
    A Git repository is made of it, unless it lies in one. Raises ParamError for an illegal name,
    setting or data, FerflowError if something is there; nothing is left then.
    """
    name = folder.absolute().name
    if not _NAME.fullmatch(name) or name == DEFAULTS.stem:
        raise ParamError(
            "a project's name must have only letters, digits, '-' and '_', begin with a letter or "
            f"digit, and not be '{DEFAULTS.stem}'; got '{name}'."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FerflowError(f"{folder} already exists and is not empty. Choose another name.")
    overlay = {"data.source": "path", "data.path": str(data.expanduser().absolute())} | settings
    with atomic(folder) as part:
        _copy(part)
        pipeline = (came_with() / PIPELINE_FILE).read_text(encoding="utf-8")
        (part / PIPELINE_FILE).write_text(
            project_pipeline(pipeline), encoding="utf-8", newline="\n"
        )
        preset = {"about": f"The project {name}.", "params": nested(overlay)}
        (part / PRESETS / f"{name}.yaml").write_text(
            params_text(preset), encoding="utf-8", newline="\n"
        )
        about = _README.format(name=name, version=version("ferflow"))
        (part / "README.md").write_text(about, encoding="utf-8", newline="\n")
        with contextlib.chdir(part):
            PARAMS_FILE.write_text(params_text(compose(name, {})), encoding="utf-8", newline="\n")
            write_code(CODE)
            _put_into_git()


def project_pipeline(text: str) -> str:
    """Our dvc.yaml for a project: fingerprints instead of rooms, and the stage that writes them."""
    text = _ROOM.sub(rf"\1{CODE}/\2.txt", text)
    return text.replace("stages:\n", f"stages:\n{_CODE_STAGE}", 1)


def write_code(folder: Path) -> None:
    """Write the fingerprints of the rooms that dvc.yaml here names, and ferflow's version."""
    with atomic(folder) as part:
        part.mkdir()
        (part / "version").write_text(f"{version('ferflow')}\n", encoding="utf-8", newline="\n")
        for room in _rooms(PIPELINE_FILE.read_text(encoding="utf-8")):
            note = part / f"{room.relative_to(_PACKAGE)}.txt"
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{dvc_md5(room)}\n", encoding="utf-8", newline="\n")


def _rooms(pipeline: str) -> Iterator[Path]:
    """The folders and modules of ferflow that a project's dvc.yaml names; of a choice, all."""
    for name in sorted(set(_FINGERPRINT.findall(pipeline))):
        for path in sorted(_PACKAGE.glob(re.sub(r"\$\{[^}]*\}", "*", name))):
            if path.name not in ("__init__.py", "__pycache__"):
                yield path


def _copy(target: Path) -> None:
    """Copy the files of the chain that a project has as its own."""
    for name in _COPIED:
        source, copy = came_with() / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy)
    for made in ("data", "models"):  # .gitignore leaves out what is in them but this
        (target / made).mkdir()
        (target / made / "README.md").write_text(
            "Made by `dvc repro`.\n", encoding="utf-8", newline="\n"
        )


def _put_into_git() -> None:
    """Make this folder a Git repository unless it lies in one; tell DVC if there is no Git."""
    git = shutil.which("git")
    if git is None:
        with Path(".dvc/config").open("a", encoding="utf-8", newline="\n") as config:
            config.write("[core]\n    no_scm = true\n")
        return
    inside = subprocess.run([git, "rev-parse", "--git-dir"], capture_output=True, check=False)
    if inside.returncode:
        made = subprocess.run([git, "init", "--quiet"], capture_output=True, check=False)
        if made.returncode:
            reason = one_line(made.stderr.decode(errors="replace"))
            raise FerflowError(
                f"`git init` failed ({reason}). Correct Git's settings, then run the command again."
            )


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys as sections within sections: {'a.b': 1} -> {'a': {'b': 1}}."""
    sectioned: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, last = key.split(".")
        place = sectioned
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return sectioned


if __name__ == "__main__":
    run_stage(write_code)
