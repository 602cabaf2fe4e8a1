"""The errors that a person is meant to read: printed as one line, without a traceback."""

from unicodedata import category


class FerflowError(Exception):
    """Something that the user can put right; its text says what is wrong and what the cure is."""


class ParamError(FerflowError):
    """A parameter is unknown, of the wrong type or impossible."""


class DiskError(FerflowError):
    """A file could not be written: the disk is full, or may not be written to."""


class DataError(FerflowError):
    """An input file or folder is missing, damaged or not what its name promises."""


def one_line(error: object, most: int | None = 300) -> str:
    """What an error of a library says, on one line of at most so many characters."""
    return " ".join(str(error).split())[:most]


def is_text(name: str) -> bool:
    """Whether a file's name is text: one that is not UTF-8 comes with halves of characters."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


_MAX_LINE = 2000  # characters
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, half a character, line ends


def printable(text: str) -> str:
    """A message whose foreign words cannot steer the terminal or flood it.

    Control characters are spelt out, lines that are too long are cut.
    """
    lines = [f"{line[:_MAX_LINE]}..." if line[_MAX_LINE:] else line for line in text.split("\n")]
    return "".join(
        c.encode("unicode_escape").decode() if category(c) in _INVISIBLE and c != "\n" else c
        for c in "\n".join(lines)
    )
