"""A picture's file decoded, and pictures scaled and coloured as faces are."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferflow.core.errors import DataError
from ferflow.core.face_shape import GREY_48, FaceShape
from ferflow.images.size import FORMATS, check_encoded

# OpenCV refuses most pictures that were cut off, but not every JPEG: the end must be there.
_JPEG = b"\xff\xd8"
_FORMAT_ENDS = {_JPEG: b"\xff\xd9", b"\x89PNG": b"IEND"}


def decode_grey(content: bytes) -> NDArray[np.uint8]:
    """The grey levels (height, width) of the picture in a file's bytes; colour is converted.

    Transparency is put on white, as `ferflow predict` does.
    Raises DataError, without the file's name, if it is not a picture, cut off or too large.
    """
    return decode_grey_and_kind(content)[0]


def decode_grey_and_kind(content: bytes) -> tuple[NDArray[np.uint8], bool]:
    """As `decode_grey`, and whether the file holds grey levels alone."""
    return _decode(content, cv2.IMREAD_GRAYSCALE)


def decode_rgb(content: bytes) -> NDArray[np.uint8]:
    """As `decode_grey`, in colours: (height, width, 3), RGB; grey levels are repeated."""
    return np.ascontiguousarray(_decode(content, cv2.IMREAD_COLOR)[0][..., ::-1])


def _decode(content: bytes, flags: int) -> tuple[NDArray[np.uint8], bool]:
    image, is_grey = None, False
    if all(end in content for start, end in _FORMAT_ENDS.items() if content.startswith(start)):
        _, _, is_grey = check_encoded(content)
        image = _transparent(content, flags)
        if image is None:
            image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise DataError(f"is not a readable picture ({len(content)} bytes).")
    return np.asarray(image, dtype=np.uint8), is_grey


def _transparent(content: bytes, flags: int) -> cv2.typing.MatLike | None:
    """A picture with transparency on white, as `imdecode` gives others; None if it has none.

    OpenCV would show what lies below transparent pixels, mostly black.
    """
    if content.startswith(_JPEG):
        return None
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if not image.has_transparency_data:
                return None
            colours = on_white(ImageOps.exif_transpose(image))
    except Exception:  # what Pillow raises on damaged files differs by format
        raise DataError(f"is not a readable picture ({len(content)} bytes).") from None
    code = cv2.COLOR_RGB2GRAY if flags == cv2.IMREAD_GRAYSCALE else cv2.COLOR_RGB2BGR
    return cv2.cvtColor(colours, code)


def on_white(image: Image.Image) -> NDArray[np.uint8]:
    """RGB (height, width, 3) of one of Pillow's pictures, its transparency put on white."""
    ground = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"))


def resize_face(picture: NDArray[np.uint8], shape: FaceShape = GREY_48) -> NDArray[np.uint8]:
    """A grey (height, width) or RGB (height, width, 3) picture as a face of that shape.

    Shrinking averages the pixels that fall together.
    """
    picture = recolour(picture, shape)
    height, width = picture.shape[:2]
    size = shape.size
    if (height, width) == (size, size):
        return picture
    method = cv2.INTER_AREA if height >= size and width >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), interpolation=method), dtype=np.uint8)


def recolour(picture: NDArray[np.uint8], shape: FaceShape) -> NDArray[np.uint8]:
    """A grey or RGB picture in the colours of that shape; grey levels are repeated."""
    if picture.ndim == len(shape.array):
        return picture
    code = cv2.COLOR_RGB2GRAY if shape.colour == "grey" else cv2.COLOR_GRAY2RGB
    return np.asarray(cv2.cvtColor(picture, code), dtype=np.uint8)
