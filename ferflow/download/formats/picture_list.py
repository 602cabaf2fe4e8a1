"""A list of pictures, `labels.csv` (or .tsv, .parquet), with a path and a class for each.

Perhaps with a split (train, val, test) and a person, too. The pictures lie in the same folder or
archive, wherever in it: a path counts from the list, or from the top, or is a picture's last part.
Pictures that the list does not name are left out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import PurePosixPath
from unicodedata import category

from ferflow.core.errors import DataError
from ferflow.core.params import nearest
from ferflow.core.zips import MAX_MEMBERS
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.csv_rows import EncodingError, csv_rows
from ferflow.download.folders import pictures, shown
from ferflow.download.labels import PARTS, splits_of_parts
from ferflow.download.parquet_rows import parquet_rows

LOOKS_FOR = "a list (labels.csv, labels.tsv or labels.parquet with columns path and label)"

# a column -> what it may be called, in lower case
COLUMNS = {
    "path": (
        "path",
        "pth",
        "file",
        "filename",
        "file_name",
        "filepath",
        "image",
        "image_path",
        "img",
        "img_path",
        "picture",
    ),
    "label": ("label", "labels", "class", "emotion", "expression", "category"),
    "split": ("split", "usage", "set", "subset", "partition"),
    "person": ("person", "person_id", "subject", "subject_id", "identity", "id_person"),
}

NAMES = ("labels.csv", "labels.tsv", "labels.parquet")
_WORDS = {word for words in COLUMNS.values() for word in words}
_FIRST = 20  # rows looked at to tell whether it lists these pictures

Row = tuple[int, dict[str, str]]  # number in the file, the header being 1; column -> text


def recognises(files: Files) -> bool:
    """Whether there is such a list whose paths are of pictures here.

    Where the pictures lie in several folders, perhaps one for each class, a list with other
    paths is something else that lies beside them.
    """
    name = find(files)
    if name is None:
        return False
    n_folders = len({path.parent for path in pictures(files.names)})
    try:
        rows = _rows(files, name)
    except EncodingError:
        return True
    except DataError:
        return n_folders == 1  # nothing else can be meant: `read` says what is wrong
    find_picture = _finder(files, name)
    return n_folders < 2 or any(find_picture(row["path"]) for _, row in rows[:_FIRST])


def find(files: Files) -> str | None:
    """The list that lies highest, None if there is none."""
    lists = [name for name in files.names if PurePosixPath(name).name.lower() in NAMES]
    return min(lists, key=lambda name: (name.count("/"), name), default=None)


def read(files: Files) -> Found:
    """The images in the list's order; the id is the path from the list.

    Raises DataError that names the row whose picture is not there or named before, whose class is
    empty, or whose split is unknown.
    """
    name = find(files)
    assert name is not None  # recognised
    title, find_picture = PurePosixPath(name).name, _finder(files, name)
    if files.kind == "file":
        raise DataError(
            f"{title} is a list of pictures: set data.path to the folder that has the list and the "
            "pictures."
        )
    rows = _rows(files, name)
    names = _named(files, title, rows, find_picture)
    usage = [row.get("split", "").lower() for _, row in rows]
    persons = [row.get("person", "") for _, row in rows]
    splits = splits_of_parts(usage) if any(usage) else {}
    only = f"{title} has only rows of {', '.join(sorted(set(usage)))}" if any(usage) else ""
    return Found(
        data_set="pictures in a list",
        classes=[row["label"] for _, row in rows],
        source_id=[_identity(picture, name) for picture in names],
        names=names,
        usage=usage,
        splits=splits,
        no_splits="" if splits else only or f"{title} has no column split",
        group=persons,
        notes=tuple(_notes(files, title, names, splits, zip(persons, usage, strict=True))),
    )


def _named(
    files: Files, title: str, rows: list[Row], find_picture: Callable[[str], str | None]
) -> list[str]:
    """The picture of each row, after the row was found to be in order."""
    names: dict[str, int] = {}  # picture -> its row
    for number, row in rows:
        place = f"{title}, row {number}"
        picture = find_picture(row["path"])
        if picture is None:
            raise DataError(
                f"{place}: the picture '{row['path']}' is not in {files.title}. Paths are relative "
                "to the list; the pictures must be in the same folder or archive."
            )
        if (before := names.setdefault(picture, number)) != number:
            raise DataError(f"{place} names {picture} again, after row {before}.")
        if not row["label"]:
            raise DataError(f"{place}: the label is empty.")
        if (got := row.get("split", "train")).lower() not in PARTS:
            raise DataError(
                f"{place}: split must be one of {', '.join(PARTS)}; got '{got}'."
                f"{nearest(got, PARTS)}"
            )
    return list(names)


def _notes(
    files: Files,
    title: str,
    names: Iterable[str],
    splits: dict[str, str],
    persons: Iterable[tuple[str, str]],
) -> Iterable[str]:
    """What a person should hear: what is left out, what serves as test, who is on two sides."""
    if unnamed := sorted({str(path) for path in pictures(files.names)}.difference(names)):
        yield f"pictures that are not in {title}, left out: {shown(unnamed)}"
    for part, split in splits.items():
        if split != PARTS[part]:
            yield f"there is no test part: {part} becomes the test split, val is taken from train"
    sides = defaultdict(set)
    for person, part in persons:
        if person and splits:
            sides[person].add(splits[part])
    if both := sorted(person for person, where in sides.items() if len(where) > 1):
        yield (
            f"persons in more than one split of {title}, so that the model is scored on people it "
            f"was trained on: {shown(both)}. data.split: fraction keeps each person in one split"
        )


def _finder(files: Files, list_name: str) -> Callable[[str], str | None]:
    """A function from a path in the list to the picture's name here, None if it is not here."""
    here = set(files.names)
    folder = PurePosixPath(list_name).parent
    by_file = defaultdict(list)
    for name in files.names:
        by_file[PurePosixPath(name).name].append(name)

    def find_picture(text: str) -> str | None:
        path = PurePosixPath(text.replace("\\", "/"))
        for candidate in (folder / path, path):
            if str(candidate) in here:
                return str(candidate)
        ends = [name for name in by_file[path.name] if f"/{name}".endswith(f"/{path}")]
        return ends[0] if len(ends) == 1 else None

    return find_picture


def _identity(picture: str, list_name: str) -> str:
    """A picture's path from the list's folder, or from the top where it lies elsewhere."""
    path, folder = PurePosixPath(picture), PurePosixPath(list_name).parent
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _rows(files: Files, name: str) -> list[Row]:
    """The rows of a list under our names of the columns.

    Raises DataError if there is no path or no label, or the file cannot be read.
    """
    title = PurePosixPath(name).name
    with files.open(name) as stream:
        if name.lower().endswith(".parquet"):
            rows = parquet_rows(stream, title, _WORDS)
        else:
            rows = list(islice(csv_rows(stream, title), MAX_MEMBERS + 1))
    if len(rows) > MAX_MEMBERS:
        raise DataError(f"{title} has more than {MAX_MEMBERS:,} rows.")
    header = [word.lower() for word in rows[0][1]] if rows else []
    columns = {
        column: header.index(word)
        for column, words in COLUMNS.items()
        if (word := next((word for word in words if word in header), None))
    }
    if missing := [column for column in ("path", "label") if column not in columns]:
        raise DataError(
            f"{title} has no column {missing[0]} (or {', '.join(COLUMNS[missing[0]][1:])}); "
            f"its columns are {', '.join(header)}."
        )
    if len(rows) < 2:
        raise DataError(f"{title} has a header but no rows.")
    found = []
    for number, fields in rows[1:]:
        if len(fields) != len(header):
            raise DataError(f"{title}, row {number}: {len(fields)} fields, expected {len(header)}.")
        if odd := [text for text in fields if any(category(c) == "Cc" for c in text)]:
            raise DataError(
                f"{title}, row {number}: {odd[0]!r} has several lines or control characters."
            )
        found.append((number, {column: fields[place] for column, place in columns.items()}))
    return found
