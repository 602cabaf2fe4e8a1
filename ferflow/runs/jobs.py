"""Running presets through DVC and recording each: `ferflow repeat` and `ferflow reproduce`.

The records are the only state: what is recorded with these parameters is skipped, whatever code
made it, so that an interrupted command continues when it is called again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

from ferflow.core.dvc_locks import refuse_while_dvc_runs
from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.files import atomic
from ferflow.core.locks import exclusive
from ferflow.core.params import PARAMS_FILE, read_yaml, repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.yaml_text import parse_yaml
from ferflow.records.record import RunRecord, load_records
from ferflow.records.record_run import record_run, variant_of
from ferflow.records.stale import find_recorded, is_stale, stale_text
from ferflow.runs.repro import repro
from ferflow.settings.check import check_params
from ferflow.settings.presets import compose, load_preset, params_text, preset_names


@dataclass(frozen=True)
class Job:
    """A run that is wanted: its name for people, and the whole text of params.yaml."""

    name: str
    text: str

    @property
    def params(self) -> dict[str, Any]:
        """What the text says."""
        return dict(parse_yaml(self.text))


def repeat_jobs(n_seeds: int) -> list[Job]:
    """The present params.yaml with seeds 0 to n_seeds - 1."""
    if not 2 <= n_seeds <= 1000:
        raise FerflowError(f"repeat takes 2 to 1000 seeds; got {n_seeds}.")
    return _varied([(f"seed {seed}", {"seed": seed}, {}) for seed in range(n_seeds)])


def fold_jobs(n_folds: int) -> list[Job]:
    """The present params.yaml on each of n_folds folds of all images, its seed as it is.

    The whole chain again for each: features, balance and selection never saw the fold that is
    test. Twins and subjects stay on one side (see `ferflow.download.splitting`).
    """
    if not 3 <= n_folds <= 20:
        raise FerflowError(
            f"repeat takes 3 to 20 folds, one of them test, the next one val; got {n_folds}."
        )
    places: list[dict[str, Any]] = [
        {"split": "kfold", "n_folds": n_folds, "fold": fold} for fold in range(n_folds)
    ]
    return _varied([(f"fold {place['fold']} of {n_folds}", {}, place) for place in places])


def _varied(variations: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[Job]:
    """The present params.yaml with each (name, changes at the top, changes of `data`)."""
    check_params(read_yaml(PARAMS_FILE))
    params = YAML().load(PARAMS_FILE.read_text(encoding="utf-8"))
    jobs = []
    for name, top, data in variations:
        params.update(top)
        params["data"].update(data)
        jobs.append(Job(f"{params['preset']}, {name}", params_text(params)))
    return jobs


def reproduce_jobs(names: list[str], settings: list[tuple[str, Any]]) -> list[Job]:
    """Presets with settings; 'preset:key' gives a setting to that preset alone.

    Raises ParamError with a line for each preset that cannot be put together.
    """
    jobs, faults = [], []
    for prefix in {key.partition(":")[0] for key, _ in settings if ":" in key} - set(names):
        faults.append(f"a setting is for the preset '{prefix}', which is not among those to run.")
    for name in names:
        mine = {key: value for key, value in settings if ":" not in key}
        mine |= {k.partition(":")[2]: v for k, v in settings if k.startswith(f"{name}:")}
        try:
            jobs.append(Job(name, params_text(compose(name, mine))))
        except FerflowError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise ParamError("\n".join(faults))
    return jobs


def paper_presets() -> list[str]:
    """The presets that implement a paper."""
    return [name for name in preset_names() if load_preset(name).paper]


def run_jobs(
    jobs: list[Job], *, stale: bool = False, again: bool = False, cluster: str | None = None
) -> list[RunRecord]:
    """Run and record what is not recorded yet; params.yaml is put back.

    stale : also what is recorded, but by other code than the present. again : everything.
    cluster : the address of a Dask scheduler whose workers run it, see `ferflow.runs.cluster`.
    Raises FerflowError where `dvc repro` fails; what was recorded until then stays.
    """
    if cluster is not None:
        from ferflow.runs.cluster import record_there

        with one_command():
            _refuse_left_params()
            waiting = jobs if again else _not_recorded(jobs, stale=stale)
            if waiting:
                print(f"{left_text(waiting)}, on {cluster}", flush=True)
            return record_there(cluster, waiting) if waiting else []
    made = []
    with kept_params():
        waiting = jobs if again else _not_recorded(jobs, stale=stale)
        for k, job in enumerate(waiting):
            print(f"{job.name}: running. Left: {left_text(waiting[k:])}", flush=True)
            run_chain(job)
            made.append(record_run())
            print(f"{job.name}: recorded as {made[-1].name}", flush=True)
    return made


def _not_recorded(jobs: list[Job], *, stale: bool) -> list[Job]:
    """The jobs without a record (`stale`: of the present code), with a line on each of the rest."""
    records, waiting, n_stale = load_records(), [], 0
    for job in jobs:
        record = find_recorded(job.params, records)
        old = record is not None and is_stale(record, job.params)
        if record is None or (old and stale):
            waiting.append(job)
            continue
        n_stale += old
        why = f" as {record.name}, {stale_text(record, job.params)}" if old else ""
        print(f"{job.name}: recorded already{why}", flush=True)
    if n_stale:
        print(f"{n_stale} of {len(jobs)} stale: `--stale` runs them again.", flush=True)
    return waiting


def run_chain(job: Job) -> None:
    """Run the pipeline with a job's parameters; FerflowError where it fails."""
    write_params(job.text)
    repro(
        failed=f"{job.name}: `dvc repro` failed, see above. What was recorded before stays; the "
        "same command continues from here."
    )


def write_params(text: str) -> None:
    """Replace params.yaml; to be used within `kept_params`."""
    _write(PARAMS_FILE, text.encode())


def left_text(jobs: list[Job]) -> str:
    """'3 runs, about 40 min (1 of them never timed)': by the seconds of the presets' records."""
    times = [_expected_seconds(job) for job in jobs]
    known = [time for time in times if time is not None]
    unknown = len(times) - len(known)
    text = f"{len(jobs)} run{'s' if len(jobs) > 1 else ''}"
    if known:
        text += f", about {_duration(sum(known))}"
    if unknown:
        text += f" ({unknown} of them never timed)" if known else ", never timed"
    return text


@contextmanager
def one_command() -> Iterator[None]:
    """FerflowError where another of the commands that run presets, or clean up, is at work here."""
    held = FerflowError("another `ferflow repeat`, `reproduce` or `clean` runs here.")
    with exclusive(repository_root() / SCRATCH / "runs.lock", held=held):
        yield


@contextmanager
def kept_params() -> Iterator[None]:
    """Put params.yaml back afterwards, whatever happens; one such command at a time.

    A copy lies in the scratch folder meanwhile, for the case that the process is killed.
    """
    refuse_while_dvc_runs()
    with one_command():
        copy = _refuse_left_params()
        before = PARAMS_FILE.read_bytes()
        _write(copy, before)
        try:
            yield
        finally:
            _write(PARAMS_FILE, before)
            copy.unlink()


def _refuse_left_params() -> Path:
    """Where params.yaml is kept meanwhile; FerflowError where a killed command left it there."""
    copy = repository_root() / SCRATCH / "params.yaml.kept"
    if copy.exists():
        raise FerflowError(
            "an earlier command was killed while it ran presets. It saved your params.yaml as "
            f"{SCRATCH / copy.name}. Copy it back or delete it, then run the command again."
        )
    return copy


def _expected_seconds(job: Job) -> float | None:
    """The median over the preset's timed records, those of the same variant where there are any."""
    preset, variant = job.params["preset"], variant_of(job.params)
    timed = [r for r in load_records() if r.preset == preset and r.seconds is not None]
    alike = [record for record in timed if record.variant == variant]
    times = [record.seconds for record in alike or timed if record.seconds is not None]
    return median(times) if times else None


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as part:
        part.write_bytes(content)
