"""The library's face: a picture goes in, the faces on it come out with their expressions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.face_shape import FaceShape
from ferflow.core.system import usable_cores
from ferflow.extras import missing
from ferflow.images.decode import recolour, resize_face
from ferflow.recognition.boxes import Box, check_box, cut_out
from ferflow.recognition.detectors import Detector, load_detector
from ferflow.recognition.detectors.search import search
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.pictures import Source, read_picture

if TYPE_CHECKING:  # torch, scikit-learn and more
    from ferflow.recognition.face_classifier import FaceClassifier

ABOUT = "classifier.json"  # what makes a folder a model's
BUNDLED = Path(__file__).parents[1] / "bundled"  # the network's folder; its ONNX file lies beside
SMALL = BUNDLED.with_name("small.onnx")
TILT = 15.0  # degrees; FER-2013's faces, and so the networks', are tilted by less


@dataclass(frozen=True)
class Face:
    """A face with its expression.

    box : where it is, in pixels of the upright picture. label : the most probable class.
    probabilities : class -> 0 to 1, in label order; they sum to 1.
    """

    box: Box
    label: str
    probabilities: dict[str, float]


class Recognizer:
    """Finds the faces on pictures and names their expressions.

    labels : class names in label order. shape : of the faces that it names. threads : on which it
    computes.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        detector: str | Path = "yunet",
        thorough: bool = False,
        threads: int = 0,
    ) -> None:
        """Load a folder that `train` wrote, or a file that `ferflow export` made of one.

        The file needs neither torch nor the rest of the workflow. "small" is the network for
        telephones and live video that comes with ferflow.

        detector : what finds faces: yunet, haar, or the .onnx file of a YuNet. thorough : whether
        it also looks for small faces on large pictures, and on the picture turned by 90, 180 and
        270 degrees, which takes longer. threads : on which pictures are searched and a file's
        network computes; 0 for as many as there are cores that the process may use.
        Raises DataError if a file is something else or damaged, ParamError if the detector
        is not known.
        """
        self.threads = threads or usable_cores()
        self.classifier = _load(Path(model), self.threads)
        self.labels, self.shape = self.classifier.labels, self.classifier.shape
        self._detector, self._thorough = load_detector(detector), thorough

    @classmethod
    def bundled(cls, **options: Any) -> "Recognizer":
        """The recognizer with the bundled network.

        options : detector, thorough, threads, as of `Recognizer`.
        Raises DataError if this installation has no bundled network.
        """
        if not (file := BUNDLED.with_suffix(".onnx")).is_file():
            raise DataError(
                "this installation has no bundled model. Name a folder that the stage "
                "`train` wrote instead: --model models/classifier, or Recognizer(folder)."
            )
        return cls(file, **options)

    def __call__(
        self, image: Source, *, detect: bool = True, boxes: Sequence[Sequence[int]] | None = None
    ) -> list[Face]:
        """The faces on a picture from left to right; none found is an empty list.

        image : a file's path or its bytes, an array, uint8, grey (height, width) or RGB, or a
        picture of Pillow's.
        detect : False if the whole picture is a face already.
        boxes : where the faces are, if you know: left, top, width, height in pixels of each. The
        faces come in the same order, cut out of just these boxes.
        Raises DataError if the picture cannot be read, or a box lies outside it.
        """
        try:
            picture = read_picture(image)
        except DataError as error:
            name = f"{image} " if isinstance(image, str | Path) else ""
            raise DataError(f"{name}{error}") from None
        return self.name(*self.locate(picture.pixels, detect=detect, boxes=boxes))

    def locate(
        self,
        pixels: NDArray[np.uint8],
        *,
        detect: bool = True,
        boxes: Sequence[Sequence[int]] | None = None,
    ) -> tuple[list[Box], NDArray[np.uint8]]:
        """Boxes of the faces on a picture, and the faces cut out, uint8 (n, *self.shape.array).

        pixels : uint8, grey (height, width) or RGB (height, width, 3). detect, boxes : as of a
        call. Raises DataError if a box lies outside the picture.
        Any number of threads may locate at the same time.
        """
        height, width = pixels.shape[:2]
        if boxes is not None:
            coloured = recolour(pixels, self.shape)
            places = [check_box(box, width, height) for box in boxes]
            faces = [cut_out(coloured, box, shape=self.shape) for box in places]
            return places, _stack(faces, self.shape)
        if not detect:
            return [Box(0, 0, width, height)], resize_face(pixels, self.shape)[None]
        return find_and_cut(pixels, self._detector, self.shape, thorough=self._thorough)

    def name(self, boxes: Sequence[Box], faces: NDArray[np.uint8]) -> list[Face]:
        """The expressions on faces that `locate` has cut out.

        boxes : n. faces : uint8 (n, *self.shape.array). Returns n faces in the same order.
        """
        if not len(faces):
            return []
        named = []
        for box, row in zip(boxes, self.classifier(faces), strict=True):
            probabilities = dict(zip(self.labels, row.tolist(), strict=True))
            named.append(Face(box, self.labels[int(row.argmax())], probabilities))
        return named


def find_and_cut(
    pixels: NDArray[np.uint8], detector: Detector, shape: FaceShape, *, thorough: bool = False
) -> tuple[list[Box], NDArray[np.uint8]]:
    """Boxes of the faces on a picture from left to right, and the faces of that shape cut out.

    A face that is tilted by more than `TILT` is cut out upright.
    """
    colours = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    cut_from, boxes, faces = recolour(pixels, shape), [], []
    for x, y, side, _, tilt in sorted(search(detector, colours, thorough=thorough)):
        box = Box(round(x - side / 2), round(y - side / 2), round(side), round(side))
        turn = (tilt + 180) % 360 - 180
        boxes.append(box)
        faces.append(cut_out(cut_from, box, turn if abs(turn) > TILT else 0.0, shape))
    return boxes, _stack(faces, shape)


def _stack(faces: list[NDArray[np.uint8]], shape: FaceShape) -> NDArray[np.uint8]:
    return np.stack(faces) if faces else np.empty((0, *shape.array), np.uint8)


def _load(model: Path, threads: int) -> "OnnxModel | FaceClassifier":
    if str(model) == SMALL.stem and not model.exists():
        model = SMALL
    if model.suffix == ".onnx":
        return OnnxModel(model, threads)
    if not (model / ABOUT).is_file():
        what = "does not exist" if not model.exists() else f"has no {ABOUT}"
        raise DataError(
            f"{model} is not a model folder: it {what}. Expected a folder that the stage `train` "
            "wrote, such as models/classifier, an .onnx file that `ferflow export` wrote, or "
            f"{SMALL.stem}, which comes with ferflow."
        )
    try:
        from ferflow.recognition.face_classifier import FaceClassifier

        return FaceClassifier(model, fast=True)
    except ModuleNotFoundError as error:
        if (extra := missing(error.name)) is None:
            raise
        raise FerflowError(
            f"the model folder {model} needs {extra} Or use an .onnx file, written where it is "
            "installed: ferflow export FOLDER --to FILE."
        ) from None
