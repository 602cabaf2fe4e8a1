"""Files that appear whole or not at all and are read up to a size, and JSON in them."""

import errno
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ferflow.core.errors import DataError, DiskError
from ferflow.core.system import is_alive

_TAKEN = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)  # by something else
_TRIES = 100  # to put a folder where other processes put theirs
_MAX_JSON = 8 << 20  # bytes; the longest, a model's or a run's figures, have some 30,000


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends without an error.

    The block makes a file or a folder of it. Each process and thread has its own: of several
    that write at once, the last to end wins. What killed ones left of theirs is deleted.
    Raises DiskError if the disk is full, or may not be written to; nothing is left then.
    """
    part = path.with_name(f"{path.name}.{_writer()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete(part)  # of a killed run of the same number, perhaps a second name of another file
        _delete_left_parts(path)
        yield part
        _let_others_read(part)
        _put_in_place(part, path)
    except BaseException as error:
        with suppress(OSError):  # where it could not be made it cannot be deleted either
            _delete(part)
        if (reason := _fault_of_disk(error, path, part)) is not None:
            is_taken = getattr(error, "errno", None) in _TAKEN
            cure = "Choose another name" if is_taken else "Free disk space or fix the permissions"
            raise DiskError(
                f"{path} cannot be written ({reason}). {cure}, then run the command again."
            ) from None
        raise


def _writer() -> str:
    """The number of this process, and of its thread if that is not the first."""
    is_first = threading.current_thread() is threading.main_thread()
    return str(os.getpid()) if is_first else f"{os.getpid()}-{threading.get_native_id()}"


def _put_in_place(part: Path, path: Path) -> None:
    """Rename `part` to `path`; a folder takes the place of the one that is there, as a whole."""
    old = part.with_suffix(".old.part")
    try:
        for left in reversed(range(_TRIES)):
            if part.is_dir() and path.is_dir() and not path.is_symlink():
                with suppress(FileNotFoundError):  # another process was faster
                    path.rename(old)
            try:
                part.replace(path)
                return
            except OSError as error:  # another process has put its folder there meanwhile
                if not left or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                _delete(old)
    except BaseException:
        with suppress(OSError):  # there is none, or another stands there
            old.rename(path)
        raise
    finally:
        _delete(old)


def _let_others_read(part: Path) -> None:
    """Let those read files who may read the folder; safetensors 0.8 lets the owner alone."""
    rights = part.parent.stat().st_mode & 0o044
    for file in part.rglob("*") if part.is_dir() else [part]:
        if file.is_file():
            file.chmod(file.stat().st_mode | rights)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON with a final newline; NaN is refused."""
    text = json.dumps(content, indent=2, allow_nan=False)
    with atomic(path) as part:
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file; DataError names the file where it is missing or damaged."""
    try:
        return json.loads(read_bounded(path, _MAX_JSON))
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises FileNotFoundError if there is none; DataError if it is larger, cannot be read, or
    is a folder, a pipe or a device, which may never end.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} cannot be read: it is not an ordinary file.")
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > most:
        raise DataError(f"{path} is too large: at most {most:,} bytes are read.")
    return content


def refuse_special(path: Path) -> None:
    """Raise DataError, without the name, for a pipe or a device, which may never begin or end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError("cannot be read: it is not an ordinary file.")


def pass_through(source: Path, target: Path) -> None:
    """Hand a file on unchanged, as a second name for the same bytes where the disk allows it.

    Safe because no stage ever writes into an existing file: each makes a new one and renames it.
    """
    with atomic(target) as part:
        try:
            os.link(source, part)
        except FileNotFoundError:
            raise DataError(f"{source} is not here. `dvc repro` makes it.") from None
        except OSError:
            part.write_bytes(source.read_bytes())


def _delete_left_parts(path: Path) -> None:
    """Delete what killed processes left of `path`; a living one's is left alone."""
    part = re.compile(re.escape(path.name) + r"\.(\d{1,9})(-\d+)?(\.old)?\.part")
    with suppress(OSError):  # another user's stay
        for item in path.parent.iterdir():
            if (found := part.fullmatch(item.name)) and not is_alive(int(found[1])):
                _delete(item)


def _delete(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _fault_of_disk(error: BaseException, path: Path, part: Path) -> str | None:
    """What kept `path` from being written, in words, or None if it was something else.

    Short of space, numpy and safetensors give no error number, and the others no file name.
    """
    if isinstance(error, SafetensorError):
        return str(error) if "I/O error" in str(error) else None
    if not isinstance(error, OSError):
        return None
    if error.filename is not None:
        named = Path(str(error.filename))
        if named not in (path, *path.parents) and not named.is_relative_to(part):
            return None  # another file, which was to be read
    return os.strerror(error.errno) if error.errno else str(error)
