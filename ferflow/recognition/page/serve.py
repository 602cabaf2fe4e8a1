"""The page itself, on gradio: a picture, or the live camera.

Everything runs on this machine and nothing is kept: uploads lie in a folder in memory until they
are read, answers go out as HTML, and the browser is forbidden to load anything from elsewhere.
"""

import base64
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.recognition.attention import attention
from ferflow.recognition.page import view
from ferflow.recognition.page.browser import middleware
from ferflow.recognition.page.view import Moment
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.recognizer import Face, Recognizer

MEMORY = Path("/dev/shm")  # a folder of Linux that is never on a disk
MAX_UPLOAD = "20mb"
SECONDS_KEPT = 3.0  # an upload: the browser asks for it back to show it
SESSIONS_KEPT = 500  # of 0.1 MB each; gradio forgets none of its 10,000 when a visitor leaves
SECONDS_SHOWN = 30.0  # of the live curves
SECONDS_BETWEEN = 0.15  # live pictures

TITLE = "Expressions on faces"
WHAT_IT_IS_NOT = """
It recognises posed expressions, not feelings. It was trained on faces that people sorted by eye
into seven classes; people agree with these labels on 65 % of them. A face says little about
what somebody feels. The European Union's AI Act (Article 5) forbids systems that infer emotions at
work and in schools. Pictures stay on this machine and are not stored.
"""
NO_MAP = (
    "This model has no map of what counted for a label: only networks with convolutions have one, "
    "and ONNX files only if their network ends in a mean over places."
)
MAP = "Under each face: what counted for its label; the brighter, the more."


def serve(recognizer: Recognizer, port: int) -> None:
    """Show the page on http://127.0.0.1:port until it is interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder goes with us
    print(f"http://127.0.0.1:{port} (Ctrl-C to stop)", flush=True)
    with _private_folder():
        import gradio as gr  # reads its environment when it is imported

        page = build(recognizer)
        try:
            page.launch(
                server_name="127.0.0.1",
                server_port=port,
                share=False,
                quiet=True,
                ssr_mode=False,
                run_history=False,  # of inputs and answers, in the browser
                max_file_size=MAX_UPLOAD,
                footer_links=[],
                state_session_capacity=SESSIONS_KEPT,
                theme=gr.themes.Default(
                    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
                ),
                css=view.STYLE,
                app_kwargs={"middleware": middleware(), "docs_url": None},
            )
        except OSError:
            raise DataError(f"port {port} is in use. Choose another with --port.") from None


def build(recognizer: Recognizer) -> Any:
    """The page as gradio's Blocks, not yet served."""
    import gradio as gr

    def show(content: bytes | None) -> tuple[Any, Any]:
        if content is None:  # another source was chosen: what it brings may be under way already
            return gr.skip(), gr.skip()
        return picture_answer(recognizer, content), None  # the answer shows the picture again

    def watch(content: bytes | None, past: list[Moment]) -> tuple[str, list[Moment]]:
        return live_answer(recognizer, content, past, time.monotonic())

    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(f'<h1>{TITLE}</h1><p class="ff-note">{WHAT_IT_IS_NOT.strip()}</p>')
        upright = gr.WebcamOptions(mirror=False)  # as others see the face
        with gr.Tab("Picture"), gr.Row():
            with gr.Column(scale=2):
                sources = ["upload", "webcam", "clipboard"]
                picture = gr.Image(
                    sources=sources,
                    label="Drop a picture, take one or paste one",
                    webcam_options=upright,
                )
            with gr.Column(scale=3):
                answer = gr.HTML()
        with gr.Tab("Live camera"), gr.Row():
            with gr.Column(scale=2):
                camera = gr.Image(
                    sources=["webcam"], streaming=True, label="Camera", webcam_options=upright
                )
            with gr.Column(scale=3):
                live, past = gr.HTML(), gr.State([])
        # gradio's own would decode a picture of any size before we see it, and keep its file; of
        # the class, for gradio makes a visitor's components again
        gr.Image.preprocess = lambda _, payload: take_upload(payload)
        common = {"api_visibility": "private", "show_progress": "hidden"}
        # by default gradio drops what is pasted while it still hears of the other source
        picture.input(show, picture, [answer, picture], trigger_mode="multiple", **common)
        rhythm = {"stream_every": SECONDS_BETWEEN, "time_limit": None, "concurrency_limit": 1}
        camera.stream(watch, [camera, past], [live, past], **rhythm, **common)
    return page


def picture_answer(recognizer: Recognizer, content: bytes) -> str:
    """HTML about a picture file's bytes: boxes, bars and maps, or a line on what is wrong."""
    try:
        picture = read_picture(content)
    except DataError as error:
        return view.fault(f"This file {error}")
    faces, cards = _recognise(recognizer, picture.pixels)
    return view.annotated(picture.pixels, faces) + cards


def live_answer(
    recognizer: Recognizer, content: bytes | None, past: list[Moment], now: float
) -> tuple[str, list[Moment]]:
    """HTML about the camera's picture and its largest face, and the moments that it shows.

    past : the moments of earlier pictures. now : seconds, of a clock that only goes forward.
    """
    try:
        picture = read_picture(content or b"")
    except DataError as error:
        return view.fault(f"The camera's picture {error}"), past
    faces, cards = _recognise(recognizer, picture.pixels, most=1)
    recent = [moment for moment in past if now - moment[0] <= SECONDS_SHOWN]
    largest = max(faces, key=lambda face: face.box.width, default=None)
    recent.append((now, largest.probabilities if largest else {}))
    html = view.annotated(picture.pixels, faces) + cards + view.curves(recent, SECONDS_SHOWN)
    return html, recent


def take_upload(payload: Any) -> bytes | None:
    """The bytes of what the browser sent; its file goes as soon as the browser has shown it.

    payload : gradio's ImageData; None if the picture was cleared.
    """
    if payload is None:
        return None
    if payload.url and payload.url.startswith("data:"):
        return base64.b64decode(payload.url.partition(",")[2])
    path = Path(payload.path)
    try:
        content, written = path.read_bytes(), _written(path)
    except FileNotFoundError:
        import gradio as gr

        raise gr.Error("Please hand the picture in again.", print_exception=False) from None
    removal = threading.Timer(SECONDS_KEPT, _remove, (path, written))
    removal.daemon = True
    removal.start()
    return content


def _written(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_ino, about.st_mtime_ns


def _remove(path: Path, written: tuple[int, int]) -> None:
    """Delete an upload, unless the same picture came again since: gradio puts it in its place."""
    with suppress(FileNotFoundError):
        if _written(path) == written:
            path.unlink()


def _recognise(
    recognizer: Recognizer, pixels: NDArray[np.uint8], most: int = 12
) -> tuple[list[Face], str]:
    """The faces on a picture, and HTML with a card for each of the largest `most`."""
    boxes, crops = recognizer.locate(pixels)
    faces = recognizer.name(boxes, crops)
    if not faces:
        return [], ""
    by_width = sorted(range(len(faces)), key=lambda k: -faces[k].box.width)
    chosen = sorted(by_width[:most])
    shown, crops = [faces[k] for k in chosen], crops[chosen]
    classes = [recognizer.labels.index(face.label) for face in shown]
    maps = attention(recognizer.classifier, crops, classes)
    about = view.note(NO_MAP if maps is None else MAP)
    numbers = [k + 1 for k in chosen] if len(faces) > 1 else None
    return faces, view.face_cards(crops, shown, maps, numbers) + about


@contextmanager
def _private_folder() -> Iterator[None]:
    """A folder for gradio's uploads, in memory where there is such a place; gone afterwards."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        os.environ |= {
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        yield
