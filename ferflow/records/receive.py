"""A record that another machine made, as two files' bytes, checked and kept as one made here."""

from typing import Any, NamedTuple

from pydantic import ValidationError

from ferflow.core.errors import DataError
from ferflow.core.files import atomic
from ferflow.core.hashing import sha256_of
from ferflow.records.compact import read_answers
from ferflow.records.record import MAX_BYTES, RunRecord, save_figures
from ferflow.records.record_run import fold_of, public_params, variant_of


class Wanted(NamedTuple):
    """What a run's record has to say: preset, variant, seed and folds, and its parameters."""

    identity: tuple[Any, ...]
    params: dict[str, Any]


def wanted(params: dict[str, Any]) -> Wanted:
    """What the record of a run of these parameters will say, by the presets as they are now."""
    identity = (params["preset"], variant_of(params), params["seed"], fold_of(params))
    return Wanted(identity, public_params(params))


def receive_record(figures: bytes, answers: bytes, run: Wanted) -> RunRecord:
    """Keep a record of the run that was wanted: its predictions first, then its JSON.

    figures : the JSON. answers : the file of predictions. Its summary is computed here.
    Raises DataError, and keeps nothing, if it is another run's record, or not a valid one.
    """
    try:
        if len(figures) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        record = RunRecord.model_validate_json(figures)
    except ValueError as error:  # pydantic's are such
        fault = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise DataError(f"what came back is not a record: {fault}.") from None
    identity = record.preset, record.variant, record.seed, (record.fold, record.n_folds)
    if identity != run.identity:
        raise DataError(f"what came back is the record of another run, {record.name}.")
    if record.mistake or record.params != run.params:
        raise DataError(f"what came back as {record.name} was run with other parameters.")
    with atomic(record.file("parquet")) as part:
        part.write_bytes(answers)
        read_answers(part)
        if sha256_of(part) != record.predictions_sha256:
            raise DataError(f"the predictions of {record.name} are not those of its record.")
    return save_figures(record)
