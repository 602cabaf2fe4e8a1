"""The errors that a person is meant to read: printed as one line, without a traceback."""


class FerflowError(Exception):
    """Something that the user can put right; its text says what is wrong and what the cure is."""


class ParamError(FerflowError):
    """A parameter is unknown, of the wrong type or impossible."""


class DiskError(FerflowError):
    """A file could not be written: the disk is full, or may not be written to."""


class DataError(FerflowError):
    """An input file or folder is missing, damaged or not what its name promises."""
