"""A record's predictions: val and test probabilities, small enough to be kept in Git.

One parquet file: `split`, `image` (the first 48 bits of the source id's sha256, so that rows of
two records can be paired and no file name is told), `label`, then `p_<class>` in label order.
Rows are sorted by split and image. Probabilities are float64 as `evaluate` stored them where that
is small (a forest's few distinct shares), otherwise float32 with as few digits as the metrics
need: what is read back agrees with what was measured to 1e-4 in every metric. Where a split holds
twins, the column `twins` gives each row the number of the first row of its group.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.files import atomic, read_bounded
from ferflow.core.hashing import image_number
from ferflow.core.params import flatten
from ferflow.core.parquet import MALFORMED, read_parquet
from ferflow.evaluation.intervals import independent_rows, wilson_interval
from ferflow.evaluation.metrics import check_rows, split_metrics
from ferflow.evaluation.predictions import PREFIX, split_predictions, twin_numbers

KEPT_SPLITS = ("val", "test")
TOLERANCE = 1e-4  # largest difference of a metric after the rounding

_KEYS = ["split", "image", "label"]
_TWINS = "twins"
_EXACT_BYTES = 20  # a row; 7,178 rows then take 144 kB
_MANTISSA_BITS = range(8, 24)  # float32 has 23
_MAX_BYTES = 16 << 20
_MAX_CLASSES = 100


@dataclass(frozen=True)
class Answers:
    """One split's true classes and probabilities.

    image : int64 (n,), rising. y : int64 (n,). p : float64 (n, c), rows sum to 1.
    twins : int64 (n,), equal numbers for images of one photograph; None if there are none, or
    nobody looked.
    """

    image: NDArray[np.int64]
    y: NDArray[np.int64]
    p: NDArray[np.float64]
    labels: list[str]
    twins: NDArray[np.int64] | None = None

    @property
    def n_independent(self) -> float:
        """How many independent images the rows are worth, see `independent_rows`."""
        return float(len(self.y)) if self.twins is None else independent_rows(self.twins)

    @property
    def accuracy(self) -> float:
        """The share of rows whose most probable class is the true one."""
        return float((self.p.argmax(axis=1) == self.y).mean())

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Its 95 % interval, twins counted once."""
        return wilson_interval(self.accuracy * self.n_independent, self.n_independent)

    def take(self, rows: NDArray[np.int64]) -> "Answers":
        """The rows that an index array names."""
        twins = None if self.twins is None else first_rows(self.twins[rows])
        return Answers(self.image[rows], self.y[rows], self.p[rows], self.labels, twins)


def compact(predictions: pd.DataFrame) -> dict[str, Answers]:
    """Split -> answers, of stored predictions; splits other than val and test are left out."""
    answers = {}
    for name in KEPT_SPLITS:
        rows = predictions[predictions["split"] == name]
        if rows.empty:
            continue
        y, p, labels = split_predictions(predictions, name)
        image = np.array([image_number(word) for word in rows["source_id"]], dtype=np.int64)
        twins = twin_numbers(predictions, name)
        if len(np.unique(image)) < len(image):
            raise DataError(
                f"{name}: two predictions have the same source id, so they cannot be paired."
            )
        answers[name] = Answers(image, y, p, labels, twins).take(np.argsort(image))
    if not answers:
        raise DataError("neither val nor test was scored: evaluate.splits must name one of them.")
    return answers


def first_rows(twins: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The groups numbered by their first row (n,); None where every row is alone."""
    _, index, inverse = np.unique(twins, return_index=True, return_inverse=True)
    if len(index) == len(twins):
        return None
    return np.asarray(index[inverse], dtype=np.int64)


def write_answers(path: Path, answers: dict[str, Answers], n_bins: int) -> None:
    """Write the smallest file from which the metrics (calibration in n_bins) can be made again."""
    n_rows = sum(len(split.y) for split in answers.values())
    with atomic(path) as part:
        _write(part, answers, None, n_bins)
        if part.stat().st_size <= _EXACT_BYTES * n_rows:
            return
        for bits in _MANTISSA_BITS:
            if _agree(answers, bits, n_bins):
                _write(part, answers, bits, n_bins)
                return


def rewrite_twins(path: Path, answers: dict[str, Answers]) -> None:
    """Write the twins of `answers` into their stored file; probabilities stay bit for bit."""
    with pq.ParquetFile(path) as file:
        table = file.read()
    if _TWINS in table.column_names:
        table = table.drop_columns([_TWINS])
    with atomic(path) as part:
        _write_table(part, _with_twins(table, answers))


def read_answers(path: Path) -> dict[str, Answers]:
    """Split -> answers. Raises DataError if the file is missing, too large or not such a one."""
    try:
        table = read_parquet(read_bounded(path, _MAX_BYTES))
        labels, single = _check_schema(table.schema)
        frame = table.to_pandas()
        if frame.empty or frame.isna().any(axis=None):
            raise ValueError("it has no rows, or empty cells")
        return {
            str(name): _answers(rows, labels, single)
            for name, rows in frame.groupby("split", sort=False, observed=True)
        }
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing, but its record is here. Record the run again."
        ) from None
    except MALFORMED as error:
        raise DataError(f"{path} is not a record's file of predictions: {error}") from None


def rounded(p: NDArray[np.float64], bits: int) -> NDArray[np.float32]:
    """`p` as float32 with `bits` binary digits (8 to 23) after the first, rounded to nearest."""
    words = p.astype(np.float32).view(np.uint32)
    if bits < 23:
        dropped = np.uint32(23 - bits)
        words = ((words + (np.uint32(1) << (dropped - np.uint32(1)))) >> dropped) << dropped
    return words.view(np.float32)


def rounded_rows(p: NDArray[np.float64], bits: int, n_bins: int) -> NDArray[np.float32]:
    """As `rounded`, but for the rows in which that would change the first or second decision, or
    move the confidence to another bin of n_bins: they are kept in full."""
    result = rounded(p, bits)
    back = _restored(result)
    top2 = [np.argsort(-q, axis=1, kind="stable")[:, :2] for q in (p, back)]
    bins = [np.ceil(q.max(axis=1) * n_bins) for q in (p, back)]
    changed = (top2[0] != top2[1]).any(axis=1) | (bins[0] != bins[1])
    result[changed] = p[changed].astype(np.float32)
    return result


def _restored(p: NDArray[np.float32]) -> NDArray[np.float64]:
    wide: NDArray[np.float64] = p.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    return wide


def _agree(answers: dict[str, Answers], bits: int, n_bins: int) -> bool:
    for split in answers.values():
        before = flatten(split_metrics(split.y, split.p, split.labels, n_bins=n_bins))
        p = _restored(rounded_rows(split.p, bits, n_bins))
        after = flatten(split_metrics(split.y, p, split.labels, n_bins=n_bins))
        if any(abs(before[key] - after[key]) > TOLERANCE for key in before):
            return False
    return True


def _write(path: Path, answers: dict[str, Answers], bits: int | None, n_bins: int) -> None:
    """`bits` None: float64; otherwise float32 with this many binary digits."""
    labels = next(iter(answers.values())).labels
    splits = [name for name, split in answers.items() for _ in split.y]
    p = np.concatenate([split.p for split in answers.values()])
    columns = {
        "split": pa.array(splits, pa.string()),
        "image": pa.array(np.concatenate([s.image for s in answers.values()]), pa.int64()),
        "label": pa.array([labels[k] for s in answers.values() for k in s.y], pa.string()),
    }
    stored = p if bits is None else rounded_rows(p, bits, n_bins)
    columns |= {PREFIX + name: pa.array(stored[:, k]) for k, name in enumerate(labels)}
    _write_table(path, _with_twins(pa.table(columns), answers))


def _with_twins(table: pa.Table, answers: dict[str, Answers]) -> pa.Table:
    """The table with the column of twins, if a split holds any."""
    if all(split.twins is None for split in answers.values()):
        return table
    twins = [np.arange(len(a.y)) if a.twins is None else a.twins for a in answers.values()]
    return table.append_column(_TWINS, pa.array(np.concatenate(twins), pa.int64()))


def _write_table(path: Path, table: pa.Table) -> None:
    """float64 as a dictionary; of float32 sign and exponent bytes, put side by side, compress."""
    chances = [name for name in table.column_names if name.startswith(PREFIX)]
    single = table.schema.field(chances[0]).type == pa.float32()
    encodings = {
        name: "DELTA_BINARY_PACKED" for name in ("image", _TWINS) if name in table.column_names
    }
    if single:
        encodings |= dict.fromkeys(chances, "BYTE_STREAM_SPLIT")
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=["split", "label", *([] if single else chances)],
        column_encoding=encodings,
        write_statistics=False,
    )


def _check_schema(schema: pa.Schema) -> tuple[list[str], bool]:
    """Class names, and whether probabilities are float32; ValueError for any other table."""
    names, types = schema.names, schema.types
    if names[-1:] == [_TWINS]:
        if types[-1] != pa.int64():
            raise ValueError(f"{_TWINS} must be int64; got {types[-1]}")
        names, types = names[:-1], types[:-1]
    chances = names[len(_KEYS) :]
    word = pa.dictionary(pa.int32(), pa.string())  # as `read_parquet` gives it
    if names[: len(_KEYS)] != _KEYS or types[: len(_KEYS)] != [word, pa.int64(), word]:
        raise ValueError(f"its columns must begin with {_KEYS}; got {names[:5]}")
    if not 2 <= len(chances) <= _MAX_CLASSES or not all(n.startswith(PREFIX) for n in chances):
        raise ValueError(f"{PREFIX}<class> must follow for 2 to {_MAX_CLASSES} classes")
    kinds = set(types[len(_KEYS) :])
    if kinds not in ({pa.float32()}, {pa.float64()}):
        raise ValueError(f"probabilities must be float32 or float64; got {kinds}")
    return [name.removeprefix(PREFIX) for name in chances], kinds == {pa.float32()}


def _answers(rows: pd.DataFrame, labels: list[str], single: bool) -> Answers:
    if rows["split"].iloc[0] not in KEPT_SPLITS:
        raise ValueError(f"a split must be one of {KEPT_SPLITS}; got {rows['split'].iloc[0]!r}")
    image = rows["image"].to_numpy(dtype=np.int64)
    if (np.diff(image) <= 0).any():
        raise ValueError("its rows must be sorted by image, each image once")
    index = {name: k for k, name in enumerate(labels)}
    y = np.array([index[name] for name in rows["label"]], dtype=np.int64)
    p = np.ascontiguousarray(rows[[PREFIX + name for name in labels]].to_numpy())
    check_rows(p, tolerance=0.01)
    twins = None
    if _TWINS in rows:
        twins = rows[_TWINS].to_numpy(dtype=np.int64)
        if ((twins < 0) | (twins > np.arange(len(twins)))).any() or (twins[twins] != twins).any():
            raise ValueError(f"{_TWINS} must number the first row of each group, from 0")
        twins = first_rows(twins)
    return Answers(image, y, _restored(p) if single else p, labels, twins)
