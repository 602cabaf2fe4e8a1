"""The fingerprint of a file or folder that the user names."""

import hashlib
import os
from pathlib import Path

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hidden import is_hidden
from ferflow.core.progress import progress_bytes

_CHUNK = 1 << 20  # bytes read at a time


def sha256_of(path: Path) -> str:
    """The sha256 of a file, or of a folder's relative file names and contents in sorted order.

    Hidden and system files of a folder do not count.
    """
    if path.is_file():
        names = {path: b""}
    elif path.is_dir():
        files = sorted(item for item in path.rglob("*") if item.is_file())
        names = {
            file: os.fsencode(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0")
            for file in files
            if not is_hidden(file.relative_to(path))
        }
    else:
        raise DataError(f"{path} is not here: neither a file nor a folder has that name.")
    digest = hashlib.sha256()
    n_bytes = sum(file.stat().st_size for file in names)
    with progress_bytes(n_bytes, f"sha256 of {path.name}") as done:
        for file, name in names.items():
            digest.update(name)
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    done(len(chunk))
    return digest.hexdigest()


def image_number(source_id: str) -> int:
    """48 bits that stand for a source id; two of 3,589 agree by chance once in 40 million sets."""
    return int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:6], "big")


def refuse_absent(path: Path, key: str) -> None:
    """Raise DataError with the cure where the path that a parameter names does not exist.

    key : the parameter, such as data.path. Projects are shared; paths differ between computers.
    """
    if not path.exists():
        raise DataError(
            f"{key}: {path} is not here. Set {key} in params.yaml to its place on this computer, "
            f"or: ferflow use PRESET --set {key}=PATH"
        )


def check_sha256(path: Path, expected: str | None, key: str) -> None:
    """Refuse a file or folder that is not the one that params.yaml was written for.

    key : the parameter that names it. expected : its sha256, the parameter beside; None is wrong.
    Raises ParamError if the fingerprint differs, DataError if nothing is there.
    """
    refuse_absent(path, key)
    found = sha256_of(path)
    if found != expected:
        raise ParamError(
            f"{key}: params.yaml was written for the sha256 {str(expected)[:12]}; {path.name} has "
            f"the sha256 {found[:12]}. If its content was changed on purpose, set both again: "
            f"ferflow use PRESET --set {key}=PATH"
        )
