"""The pipeline here: params.yaml, dvc.yaml and dvc.lock, and the fingerprints of what they hold.

A fingerprint is 16 hexadecimal digits. Records, MLflow and costs know a run by its fingerprints.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ferflow.core.errors import DataError, FerflowError, one_line
from ferflow.core.params import PARAMS_FILE, flatten, read_yaml
from ferflow.core.paths import LOCK_FILE, PIPELINE_FILE
from ferflow.core.yaml_text import parse_yaml

STAGES = (
    "download",
    "preprocess",
    "augment",
    "extract_features",
    "balance",
    "select_features",
    "train",
    "evaluate",
)


class _File(BaseModel):
    """Of an entry in dvc.lock."""

    path: str
    md5: str


class _Whole(BaseModel):
    """An entry in dvc.lock, as the chain's own stages have it."""

    deps: list[_File]
    params: dict[str, dict[str, Any]] = {}
    outs: list[_File] = []


class _Lock(BaseModel):
    """What dvc.lock holds; a stage of your own may have what DVC knows and we do not."""

    stages: dict[str, dict[str, Any]] = {}


_CODE = ("ferflow/", "stages/", "code/")  # modules, rooms whole, and rooms' fingerprints


@dataclass(frozen=True)
class Pipeline:
    """The pipeline of the current directory; each file is read once, when it is first needed.

    given : parameters to take instead of those in params.yaml.
    """

    given: dict[str, Any] | None = None

    @cached_property
    def params(self) -> dict[str, Any]:
        """The parameters."""
        return read_yaml(PARAMS_FILE) if self.given is None else self.given

    @cached_property
    def stages(self) -> dict[str, Any]:
        """The stages of dvc.yaml, parameters put in where it names them."""
        try:
            text = PIPELINE_FILE.read_text(encoding="utf-8")
            filled = re.sub(r"\$\{([\w.]+)\}", lambda match: str(self._param(match[1])), text)
            return dict(parse_yaml(filled)["stages"])
        except (ValueError, KeyError, TypeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else one_line(error)
            raise DataError(
                f"{PIPELINE_FILE} has no stages that can be read ({reason}). Correct it, or: "
                f"git checkout {PIPELINE_FILE}"
            ) from None

    @cached_property
    def lock(self) -> dict[str, Any]:
        """The stages of dvc.lock, or nothing if there is none yet."""
        if not LOCK_FILE.exists():
            return {}
        try:
            content = _Lock.model_validate(read_yaml(LOCK_FILE))
            for stage in set(STAGES) & content.stages.keys():
                _Whole.model_validate(content.stages[stage])
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise DataError(
                f"{LOCK_FILE} is not what DVC writes ({place} {fault['msg']}). Restore it: "
                f"git checkout {LOCK_FILE}"
            ) from None
        return content.stages

    def stage_params(self, stage: str) -> dict[str, Any]:
        """The parameters under the keys that a stage declares; not those of other files."""
        keys = self.stages[stage].get("params", [])
        return {key: self._param(key) for key in keys if isinstance(key, str)}

    def check_finished(self) -> None:
        """FerflowError where dvc.lock and the results are not of one run of these parameters."""
        cure = "Run `dvc repro` first."
        if missing := [stage for stage in STAGES if stage not in self.lock]:
            raise FerflowError(f"the pipeline has not finished ({', '.join(missing)}). {cure}")
        now = flatten(self.params)
        for stage in STAGES:
            then = self.lock[stage].get("params", {}).get(PARAMS_FILE.name, {})
            for key, value in flatten(then).items():
                if now.get(key) != value:
                    raise FerflowError(
                        f"{key} was {value!r} in the last run, not {now.get(key)!r}. {cure}"
                    )
            for out in self.lock[stage].get("outs", []):
                if not Path(out["path"]).exists():
                    raise FerflowError(f"{out['path']} is not here. {cure}")
        for out in self.lock["evaluate"]["outs"]:
            path = Path(out["path"])
            if path.is_file() and out["md5"] != dvc_md5(path):
                raise FerflowError(f"{path} is not what the last run wrote. {cure}")

    def lock_fingerprint(self) -> str:
        """Of the stages' entries in dvc.lock: parameters, code, data and results."""
        return _fingerprint({stage: self.lock[stage] for stage in STAGES})

    def data_fingerprint(self) -> str:
        """Of the three split files that `download` made."""
        outs = self.lock["download"]["outs"]
        return _fingerprint([o["md5"] for o in outs if o["path"].endswith(".safetensors")])

    def stage_fingerprint(self, stage: str) -> str:
        """Of a running stage's parameters, code and inputs, equal to that of its entry in dvc.lock.

        The md5 of an input that an earlier stage made stands there by now; code is hashed here.
        """
        outs = [out for entry in self.lock.values() for out in entry.get("outs", [])]
        made = {out["path"]: out.get("md5") for out in outs}
        named = self.stages[stage].get("deps", [])
        deps = {path: made.get(path) or dvc_md5(Path(path)) for path in named}
        return _stage_fingerprint(deps, {PARAMS_FILE.name: self.stage_params(stage)})

    def locked_stage_fingerprint(self, stage: str) -> str:
        """As `stage_fingerprint`, of the run that made the stage's entry in dvc.lock."""
        entry = self.lock[stage]
        return _stage_fingerprint(_locked_deps(entry), entry.get("params", {}))

    def code_fingerprint(self) -> str:
        """Of the code that the stages, up to `evaluate`, run with these parameters."""
        paths = {dep for stage in STAGES for dep in self.stages[stage]["deps"]}
        return _fingerprint({p: dvc_md5(Path(p)) for p in paths if p.startswith(_CODE)})

    def locked_code_fingerprint(self) -> str:
        """As `code_fingerprint`, of the code that made the entries in dvc.lock."""
        deps = {p: md5 for stage in STAGES for p, md5 in _locked_deps(self.lock[stage]).items()}
        return _fingerprint({p: md5 for p, md5 in deps.items() if p.startswith(_CODE)})

    def _param(self, dotted: str) -> Any:
        value: Any = self.params
        for part in dotted.split("."):
            value = value[part]
        return value


def dvc_md5(path: Path) -> str:
    """A file's md5 or, as DVC makes it, a folder's: of the JSON list of its files and theirs."""
    if not path.is_dir():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    tree = [
        {"md5": dvc_md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in files
        if "__pycache__" not in file.parts  # .dvcignore
    ]
    listing = json.dumps(sorted(tree, key=lambda entry: entry["relpath"]), sort_keys=True)
    return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _locked_deps(entry: dict[str, Any]) -> dict[str, str]:
    """Path -> md5 of what an entry of dvc.lock was made of."""
    return {dep["path"]: dep["md5"] for dep in entry["deps"]}


def _stage_fingerprint(deps: dict[str, str], params: dict[str, Any]) -> str:
    return _fingerprint([sorted(deps.items()), params])


def _fingerprint(content: Any) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
