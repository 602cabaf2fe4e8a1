"""Reading a picture that anybody may have made: checked before it is decoded, and upright.

Stricter files, the data sets' own, are read by `ferflow.download.pictures`.
"""

import importlib.util
import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ferflow.core.errors import DataError, one_line
from ferflow.core.files import refuse_special
from ferflow.images.decode import on_white
from ferflow.images.size import FORMATS as FACE_FORMATS
from ferflow.images.size import MAX_PIXELS, check_size

Source = str | Path | bytes | NDArray[np.uint8] | Image.Image

FORMATS = (*FACE_FORMATS, "AVIF")  # read without any extra
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF", "HEIF")  # a JPEG's second frame is often a thumbnail
_HEIF_BRANDS = ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
_AVIF_BRANDS = ("avif", "avis")
_MAX_META = 1 << 20  # bytes that are looked through for sizes; a telephone's header has some 4,000
_16_TO_8_BITS = 8  # the lower bits, left out as OpenCV does where a data set is read

# what Pillow raises on damaged files, by format
_MALFORMED = (
    *(OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, struct.error),
    RuntimeError,  # HEIF
)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    pixels : uint8, grey (height, width) or RGB (height, width, 3), upright.
    n_frames : 1, or how many an animation or a sequence has. frame : which of them `pixels` is,
    from 0: the first, or the one that a HEIC file names as its main picture.
    """

    pixels: NDArray[np.uint8]
    n_frames: int = 1
    frame: int = 0


def read_picture(source: Source) -> Picture:
    """The picture in a file, in a file's bytes, in an array (grey or RGB), or one of Pillow's.

    The size is read from the header before anything is decoded. EXIF's rotation is honoured,
    transparency is put on white, CMYK and 16 bits become 8-bit RGB and grey.
    HEIC needs the extra `media`. Raises DataError, without the file's name, if the picture
    cannot be read.
    """
    if isinstance(source, np.ndarray):
        return Picture(_checked(source))
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise DataError(f"a picture must have at least one pixel; got size {source.size}.")
        with _damage_told():
            return Picture(_upright(source))
    if isinstance(source, bytes):
        if not source:
            raise DataError("is empty (0 bytes).")
        return _open(io.BytesIO(source))
    with opened(Path(source)) as file:
        return _open(file)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file that the user names; DataError, without its name, if it is empty or unreadable."""
    try:
        refuse_special(path)
        with path.open("rb") as file:
            if not file.read(1):
                raise DataError("is empty (0 bytes).")
            file.seek(0)
            yield file
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}.") from None


def _checked(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    shape = pixels.shape
    if pixels.dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise DataError(
            "a picture must be uint8 of shape (height, width) or (height, width, 3), RGB; "
            f"got {pixels.dtype} {shape}."
        )
    if 0 in shape:
        raise DataError(f"a picture must have at least one pixel; got shape {shape}.")
    check_size(shape[1], shape[0])
    return pixels


def _open(file: Any) -> Picture:
    head = file.read(12)
    file.seek(0)
    brand = head[8:].decode("latin-1") if head[4:8] == b"ftyp" else ""
    reads_heif = brand in _HEIF_BRANDS and _register_heif()
    if reads_heif:
        _check_heif(file)
    formats = (*FORMATS, "HEIF") if reads_heif else FORMATS
    try:
        with _damage_told(), Image.open(file, formats=formats) as image:
            n_frames = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
            return Picture(_upright(image), n_frames, image.tell())
    except UnidentifiedImageError:
        if brand in _HEIF_BRANDS and not reads_heif:
            raise DataError(
                "is a HEIC picture, which needs one more package: pip install 'ferflow[media]'."
            ) from None
        if reads_heif:
            raise DataError("is a damaged picture (HEIC).") from None
        if brand in _AVIF_BRANDS:
            raise DataError("is a damaged AVIF picture, or Pillow is older than 11.3.") from None
        raise DataError(f"is not a picture; legal: {', '.join(FORMATS)}, HEIC.") from None


def _register_heif() -> bool:
    """Make Pillow read HEIC; False if the package for it is not installed."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()  # a second time changes nothing
    return True


def _check_heif(file: Any) -> None:
    """Raises DataError if a HEIC file holds a picture of more than MAX_PIXELS, cropped or not.

    Of a cropped picture Pillow is told the smaller size alone. libheif in its turn decodes nothing
    that is larger than the file says here.
    """
    begin = 0
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"meta":
            for sides in re.findall(rb"ispe....(.{8})", file.read(_MAX_META), re.DOTALL):
                check_size(*struct.unpack(">II", sides))
        if length < 8:  # to the file's end, or more than 4 GB
            break
        begin += length
        file.seek(begin)
    file.seek(0)


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except UnidentifiedImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(
            f"has more than the {MAX_PIXELS:,} pixels that are decoded. Scale it down."
        ) from None
    except _MALFORMED as error:
        raise DataError(f"is a damaged picture ({one_line(error)}).") from None


def _upright(image: Image.Image) -> NDArray[np.uint8]:
    """The present frame of one of Pillow's pictures, whatever its mode, as it is to be seen."""
    check_size(*image.size)
    image.load()  # of one frame only
    return _decode(ImageOps.exif_transpose(image))


def _decode(image: Image.Image) -> NDArray[np.uint8]:
    """Eight bits a channel, grey or RGB, of a picture in any of Pillow's modes."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow hands on as 16 or 32
        deep = np.clip(np.asarray(image), 0, 65535)
        return np.asarray(deep >> _16_TO_8_BITS, dtype=np.uint8)
    if image.mode == "F":
        raise ValueError("its pixels are fractions; legal are 8 or 16 bits")
    if image.has_transparency_data:
        return on_white(image)
    return np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))
