"""Tables that are nearly a data set: what a refusal says about them."""

from itertools import islice

from ferflow.download.archives import Files
from ferflow.download.csv_rows import EncodingError, csv_rows
from ferflow.download.formats.picture_list import COLUMNS, NAMES

_MAX_TABLES = 20  # of which the header is read


def near_miss(files: Files) -> str:
    """What is wrong with a table that holds labels and is not read, and the cure; '' without one.

    A list of pictures under another name than `labels.csv`, FER+'s votes without FER-2013, a table
    in UTF-16.
    """
    tables = [name for name in files.names if name.lower().endswith((".csv", ".tsv", ".txt"))]
    return next(filter(None, (_about(files, name) for name in tables[:_MAX_TABLES])), "")


def _about(files: Files, name: str) -> str:
    try:
        with files.open(name) as stream:
            header = [word.lower() for _, row in islice(csv_rows(stream, name), 1) for word in row]
    except EncodingError as error:
        return str(error)
    if {"image name", "nf"}.issubset(header):
        return (
            f"{name} holds FER+'s votes and no pixels. Set data.path to FER-2013 itself "
            "(fer2013.csv, or its pictures as a folder or zip) and data.labels to ferplus or "
            "ferplus_votes: the votes come with ferflow."
        )
    if all(set(COLUMNS[column]).intersection(header) for column in ("path", "label")):
        folder = " and set data.path to its folder" if files.kind == "file" else ""
        return (
            f"{name} has the columns of a list of pictures ({', '.join(header)}), but lists must "
            f"be named {', '.join(NAMES[:-1])} or {NAMES[-1]}. Rename it{folder}."
        )
    return ""
