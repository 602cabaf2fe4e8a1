"""Whether a run is on record: which record has its parameters, and whether its code is the present.

A record counts whatever code made it. One of other code is stale: it says what that code did, and
only who asks for it runs it again.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ferflow.core.git import changed_since
from ferflow.core.params import flatten, read_yaml
from ferflow.core.pipeline import STAGES, Pipeline
from ferflow.records.record import RunRecord
from ferflow.records.record_run import BACKBONES, public_params
from ferflow.settings.presets import DEFAULTS

_PLACES = {"data.path", *BACKBONES, *(f"{key}_sha256" for key in BACKBONES)}


def find_recorded(params: dict[str, Any], records: Iterable[RunRecord]) -> RunRecord | None:
    """The honest record of these parameters: one of the present code, or else the latest."""
    wanted = public_params(params)
    alike = [r for r in records if not r.mistake and _same_run(wanted, r.params)]
    code = Pipeline(params).code_fingerprint() if alike else ""
    return max(alike, key=lambda record: (record.is_of(code), record.date), default=None)


def is_stale(record: RunRecord, params: dict[str, Any]) -> bool:
    """Whether other code than the present made it."""
    return not record.is_of(Pipeline(params).code_fingerprint())


def stale_text(record: RunRecord, params: dict[str, Any]) -> str:
    """'made by other code (commit 0856cc933bf3; changed since: train)', as far as Git can tell."""
    words = [f"commit {record.commit}" if record.commit else "its commit is not known"]
    if stages := _changed_stages(record, params):
        which = "every stage" if len(stages) == len(STAGES) else ", ".join(stages)
        words.append(f"changed since: {which}")
    if newer := public_params(params).keys() - record.params.keys() - _PLACES:
        are = "parameter is" if len(newer) == 1 else "parameters are"
        words.append(f"{len(newer)} {are} newer")
    return f"made by other code ({'; '.join(words)})"


def _same_run(wanted: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether two sets of public parameters make the same run.

    Places do not count, the fingerprints beside them do; a pretrained network is the same under
    the hub's name and as a local copy. A parameter that is newer than the record has to have its
    default: the record's code did what that code did, which is why it is called stale.
    """
    if not found or found.keys() - wanted.keys() - _PLACES:
        return False
    known = flatten(read_yaml(DEFAULTS)) | found
    return all(wanted[key] == known.get(key) for key in wanted.keys() - _PLACES) and all(
        _same_network(wanted, found, key) for key in BACKBONES
    )


def _same_network(wanted: dict[str, Any], found: dict[str, Any], key: str) -> bool:
    digests = {params.get(f"{key}_sha256") for params in (wanted, found)} - {None}
    names = {Path(params.get(key) or "").name for params in (wanted, found)}
    return len(names) == 1 and len(digests) < 2


def _changed_stages(record: RunRecord, params: dict[str, Any]) -> list[str]:
    """The stages whose code differs from that of the record's commit; [] where Git cannot tell."""
    files = changed_since(record.commit) if record.commit else []
    declared = Pipeline(params).stages if files else {}
    return [
        stage
        for stage in STAGES
        if stage in declared
        and any(
            f == dep or f.startswith(f"{dep}/") for f in files for dep in declared[stage]["deps"]
        )
    ]
