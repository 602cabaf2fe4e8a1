"""The page: what it shows, and that it works in a real browser with a camera of drawn faces."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from recognition_data import EMPTY, FACES, PICTURE, picture_of

from ferflow import Recognizer
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.page import serve as page
from ferflow.recognition.page import view

PAIR = cv2.imencode(".png", np.hstack([picture_of(FACES[3])] * 2))[1].tobytes()
COPY = """async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const item = new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})});
    await navigator.clipboard.write([item]);
}"""
ROOT = Path(__file__).parents[1]


@pytest.fixture
def recognizer(model_folder):
    return Recognizer(model_folder)


def test_a_picture_is_answered_with_bars_that_sum_to_one(recognizer):
    html = page.picture_answer(recognizer, PICTURE)
    assert html.count('class="ff-face"') == 1
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", html)]
    assert len(widths) == len(FER2013_LABELS)
    assert sum(widths) == pytest.approx(100, abs=0.5)
    assert page.NO_MAP in html


def test_the_bundled_model_shows_where_it_looked_without_torch(tmp_path, run_python):
    (tmp_path / "face.png").write_bytes(PICTURE)
    code = """
import sys
from pathlib import Path
from ferflow import Recognizer
from ferflow.recognition.page import serve
html = serve.picture_answer(Recognizer.bundled(), Path(sys.argv[1]).read_bytes())
assert html.count('class="ff-face"') == 1 and html.count("what counted for the label") == 1
assert serve.MAP in html and serve.NO_MAP not in html
heavy = {"torch", "transformers", "sklearn", "pandas", "onnx", "mlflow", "dvc"} & set(sys.modules)
assert not heavy, heavy
"""
    run_python(code, str(tmp_path / "face.png"))


def test_cards_have_the_numbers_of_the_faces_on_the_picture(recognizer):
    assert re.findall(r"<b>(.)</b>", page.picture_answer(recognizer, PAIR)) == ["1", "2"]
    assert "<b>" not in page.picture_answer(recognizer, PICTURE)
    sizes = np.full((500, 900), 100, np.uint8)  # of three faces the largest two get a card
    for number, (side, left) in enumerate(((200, 20), (90, 320), (300, 520))):
        sizes[50 : 50 + side, left : left + side] = cv2.resize(FACES[number], (side, side))
    _, cards = page._recognise(recognizer, sizes, most=2)
    assert re.findall(r"<b>(.)</b>", cards) == ["1", "3"]


def test_nothing_in_an_answer_is_loaded_from_anywhere(recognizer):
    html = page.picture_answer(recognizer, PICTURE)
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []


def test_a_picture_without_a_face_and_a_file_that_is_none(recognizer):
    assert "No face found" in page.picture_answer(recognizer, EMPTY)
    assert "ff-face" not in page.picture_answer(recognizer, EMPTY)
    assert 'role="alert"' in page.picture_answer(recognizer, b"no picture")


def test_labels_cannot_bring_markup_along():
    html = view.bars({"<script>": 1.0}, "<script>")
    html += view.curves([(0.0, {"<script>": 1.0})], 30)
    assert "<script>" not in html


def test_live_curves_go_on_and_forget(recognizer):
    past = []
    for now, content in ((0.0, PICTURE), (1.0, PICTURE), (2.0, EMPTY), (3.0, PICTURE)):
        html, past = page.live_answer(recognizer, content, past, now)
    assert [len(p) for _, p in past] == [7, 7, 0, 7]
    assert html.count("<polyline") == 2 * 7  # before and after the gap
    html, past = page.live_answer(recognizer, PICTURE, past, 1.5 + page.SECONDS_SHOWN)
    assert [now for now, _ in past] == [2.0, 3.0, 1.5 + page.SECONDS_SHOWN]


def test_a_curve_is_where_its_probability_is():
    html = view.curves([(10.0, {"happy": 0.25}), (25.0, {"happy": 1.0})], 30)
    assert 'points="50.00,75.0 100.00,0.0"' in html


def test_an_upload_is_read_and_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "SECONDS_KEPT", 0.0)
    path = tmp_path / "upload"
    path.write_bytes(b"content")
    assert page.take_upload(SimpleNamespace(url=None, path=str(path))) == b"content"
    deadline = time.monotonic() + 10
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not path.exists()
    assert page.take_upload(SimpleNamespace(url="data:image/png;base64,aGFsbG8=")) == b"hallo"
    assert page.take_upload(None) is None


def test_a_picture_that_is_handed_in_twice_is_read_twice(tmp_path, monkeypatch):
    """The second upload lies where the first one did, whose seconds are over first."""
    pytest.importorskip("gradio")
    started = []
    monkeypatch.setattr(page.threading.Timer, "start", lambda timer: started.append(timer))
    upload = SimpleNamespace(url=None, path=str(tmp_path / "upload"))
    for k in range(2):
        (tmp_path / "new").write_bytes(b"content")
        (tmp_path / "new").replace(upload.path)
        if k:
            started[0].function(*started[0].args)
        assert page.take_upload(upload) == b"content"
    started[1].function(*started[1].args)
    with pytest.raises(Exception, match="hand the picture in again"):
        page.take_upload(upload)


def write_camera(path):
    """A video of uncompressed frames (YUV4MPEG2), as Chromium takes for a camera."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        grey = np.full(640 * 480 // 2, 128, np.uint8).tobytes()
        for face in FACES[[3, 5]].repeat(10, axis=0):
            file.write(b"FRAME\n" + picture_of(face, 240, (180, 100)).tobytes() + grey)
    return path


@pytest.fixture
def address(model_folder, tmp_path):
    """Where the page is served, by a process of its own with all its files in tmp_path/memory."""
    pytest.importorskip("gradio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ferflow", "app", "--model", model_folder, "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    before = set(uploads())
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert set(uploads()) <= before  # and its folder is gone


BEFORE = {*page.MEMORY.glob("tmp*")}  # left by a page that was killed


def uploads():
    """What lies where the page keeps uploads until they are read."""
    folders = {*page.MEMORY.glob("tmp*")} - BEFORE
    return [path for folder in folders for path in folder.rglob("*")]


@pytest.fixture
def chromium(tmp_path):
    """Headless Chromium whose camera sees drawn faces."""
    driver = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium")
    words = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    words += " disable-component-update disable-sync use-fake-device-for-media-stream"
    words += f" use-fake-ui-for-media-stream use-file-for-fake-video-capture={tmp_path}/faces.y4m"
    write_camera(tmp_path / "faces.y4m")
    with driver.sync_playwright() as playwright:
        options = [f"--{word}" for word in words.split()]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def test_the_page_in_a_real_browser(address, chromium, tmp_path):
    (tmp_path / "face.png").write_bytes(PICTURE)
    (tmp_path / "noise.png").write_bytes(b"no picture")
    for width in (1200, 390):
        size = {"width": width, "height": 900}
        permissions = ["camera", "clipboard-read", "clipboard-write"]
        context = chromium.new_context(viewport=size, permissions=permissions)
        tab = context.new_page()
        tab.set_default_timeout(120_000)  # ms; other tests may have the cores
        asked = []
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.goto(address)
        walk_through(tab, tmp_path)
        overflow = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0
        assert asked
        assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
        context.close()
    deadline = time.monotonic() + 60  # all of them went through `take_upload`
    while any(path.is_file() for path in uploads()):
        assert time.monotonic() < deadline, uploads()
        time.sleep(0.1)


def walk_through(tab, folder):
    """What a visitor does: reads, hands in pictures and a file that is none, switches live on."""
    tab.get_by_text("not feelings").wait_for()
    tab.get_by_text("AI Act").wait_for()
    upload = tab.locator("input[type=file]").first
    for turn in range(200):
        if turn % 40 == 0:  # a file that is handed in before the page listens is lost
            upload.set_input_files(folder / "face.png")
        if tab.locator(".ff-bars").count():
            break
        tab.wait_for_timeout(500)  # ms
    assert tab.locator(".ff-bars").count() == 1
    upload.set_input_files(folder / "noise.png")
    tab.locator(".ff-fault").wait_for()
    tab.get_by_role("button", name="Capture from camera").click()
    tab.get_by_text("Click to Access Webcam").first.click()
    tab.wait_for_function("document.querySelector('video')?.readyState == 4")  # it has a picture
    tab.get_by_role("button", name="capture photo").first.click()
    tab.wait_for_function("document.querySelectorAll('.ff-bars').length == 1")
    tab.get_by_text("Click to Access Webcam").first.wait_for()  # the camera is put away
    tab.evaluate(COPY, base64.b64encode(PAIR).decode())
    tab.get_by_role("button", name="Paste from clipboard").click()
    tab.wait_for_function("document.querySelectorAll('.ff-bars').length == 2")
    tab.get_by_role("tab", name="Live camera").click()
    tab.get_by_text("Click to Access Webcam").last.click()
    tab.get_by_role("button", name="capture photo").last.click()
    tab.wait_for_function("document.querySelector('.ff-chart polyline')?.points.length > 3")
