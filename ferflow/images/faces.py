"""Pictures as they come from a source, and the faces of one shape that are made of them.

Grey pictures of 48x48 pixels, as FER-2013's, are an array (n, 48, 48). Any others stay what they
are, the bytes of their files: an object array (n,) of uint8 (k,). So nothing is lost or unpacked
before `preprocess` knows what shape is wanted, and it is made a part at a time.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.core.face_params import FaceParams
from ferflow.core.face_shape import GREY_48, MAX_SIDE, MIN_SIDE, FaceShape
from ferflow.core.rows import Rows, scratch_copy
from ferflow.images.decode import decode_grey, decode_rgb, recolour, resize_face
from ferflow.images.size import check_encoded

Pictures = NDArray[Any]  # see above


class Faces(Rows):
    """The faces of one shape on pictures, made when they are asked for.

    pictures : see the module. face : the shape that is made.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pictures: Pictures, face: FaceShape) -> None:
        self.pictures, self.face = pictures, face
        self.shape = (len(pictures), *face.array)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        wanted = self.pictures[rows]
        if isinstance(rows, int | np.integer):
            return self._make(wanted)
        with ThreadPoolExecutor() as threads:
            faces = list(threads.map(self._make, wanted))
        return np.stack(faces) if faces else np.empty((0, *self.face.array), np.uint8)

    def _make(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if picture.ndim == 1:
            decode = decode_grey if self.face.colour == "grey" else decode_rgb
            picture = decode(picture.tobytes())
        return resize_face(picture, self.face)


def pack(contents: Sequence[NDArray[np.uint8]]) -> Pictures:
    """Files' bytes, uint8 (k,) each, as pictures."""
    packed = np.empty(len(contents), object)
    for row, content in enumerate(contents):  # NumPy would stack those of equal length
        packed[row] = content
    return packed


def faces_of(pictures: Pictures, shape: FaceShape) -> NDArray[np.uint8]:
    """The faces of that shape; what has it already is handed back.

    Else it is `Faces`, which stands for an array where nothing but its shape, slices and rows are
    asked for.
    """
    made = pictures if pictures.shape[1:] == shape.array else Faces(pictures, shape)
    return cast(NDArray[np.uint8], made)


def small_grey(pictures: Pictures) -> NDArray[np.uint8]:
    """Grey (n, 48, 48) of pictures or of faces of any shape: what twins are looked for in.

    What has to be made lies in a temporary file.
    """
    if isinstance(pictures, Faces):
        pictures = pictures.pictures
    faces = faces_of(pictures, GREY_48)
    if not isinstance(faces, Faces):
        return faces
    return scratch_copy(faces)


def grey_levels(faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey version of faces, (n, height, width): what filters measure."""
    if isinstance(faces, Faces):
        return cast(NDArray[np.uint8], Faces(faces.pictures, FaceShape(faces.face.size)))
    return faces if faces.ndim == 3 else np.stack([recolour(face, GREY_48) for face in faces])


def refuse_other_sizes(pictures: Pictures, names: Iterable[str], params: FaceParams) -> None:
    """Raise ParamError, naming a picture, if one has another size and `resize` is false."""
    if params.resize:
        return
    one_size = pictures.ndim > 1
    for picture, name in zip(pictures[:1] if one_size else pictures, names, strict=False):
        if one_size:
            height, width = picture.shape
        else:
            width, height, _ = check_encoded(picture.tobytes())
        if (width, height) != (params.size, params.size):
            raise ParamError(other_size(name, width, height, params.size))


def other_size(name: str, width: int, height: int, size: int) -> str:
    """What to say of a picture that has another size than `data.size`."""
    legal = width == height and MIN_SIDE <= width <= MAX_SIDE
    own = f" To keep that: data.size: {width}." if legal else ""
    return (
        f"{name} has {width}x{height} pixels; expected {size}x{size}, data.size. "
        f"To scale every picture to that: data.resize: true.{own}"
    )
