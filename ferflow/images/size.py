"""How large a face is, and how large any picture: told by its header, before it is decoded."""

import io
import warnings

from PIL import Image

from ferflow.core.errors import DataError
from ferflow.core.face_shape import GREY_48

SIDE = GREY_48.size  # pixels, both ways: a face as FER-2013 has it
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 80_000_000  # 240 MB in colour; Pillow itself warns from 89 million on


def check_size(width: int, height: int) -> None:
    """Raises DataError, without the file's name, if a picture has more than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise DataError(
            f"has {width:,} x {height:,} pixels; at most {MAX_PIXELS:,} in all are decoded. "
            "Scale it down."
        )


def check_encoded(content: bytes) -> tuple[int, int, bool]:
    """As `check_size`, of the picture in a file's bytes; returns width, height, whether it is grey.

    A few hundred bytes may claim a gigabyte of pixels, and decoders make room for them first.
    What Pillow cannot tell the size of is a DataError, too.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                size, base = image.size, Image.getmodebase(image.mode)
    except Image.DecompressionBombError:
        raise DataError(f"has more than the {MAX_PIXELS:,} pixels that are decoded.") from None
    except Exception:  # what Pillow raises on damaged files differs by format
        raise DataError(f"is not a readable picture ({len(content)} bytes).") from None
    check_size(*size)
    return *size, base == "L"
