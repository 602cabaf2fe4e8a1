"""What listens, listens on this machine only, and hands out no file of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

ROOT = Path(__file__).parents[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command, folder, url, **environment):
    """A server in a process group of its own, from its first answer on; its sockets by address."""
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(900):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                time.sleep(0.2)
        yield listening(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def listening(pid):
    """(address, port) of every socket on which the process or a child of it listens."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        tuple(found.laddr)
        for process in family
        for found in process.net_connections("all")
        if found.status == psutil.CONN_LISTEN
    }


def answer(url, content=None, **headers):
    """The status and text of an answer."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as opened:
            return opened.status, opened.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def recipe(target):
    """The commands of a target of the Makefile, their lines joined."""
    text = (ROOT / "Makefile").read_text()
    lines = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)[1]
    return lines.replace("\\\n", " ").splitlines()


def test_make_ui_listens_on_this_machine_only(tmp_path):
    port = free_port()
    (command,) = [line for line in recipe("ui") if "mlflow ui" in line]
    command = command.replace("$(or $(PORT),5000)", str(port))
    command = command.replace('"$$(ferflow store)"', f"sqlite:///{tmp_path}/mlflow.db")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    words = ["bash", "-c", command.lstrip("@").replace("$$", "$")]
    with running(words, tmp_path, f"http://127.0.0.1:{port}", PATH=path) as sockets:
        assert sockets == {("127.0.0.1", port)}


def test_the_page_listens_on_this_machine_only_and_reads_no_file_of_it(tmp_path, model_folder):
    pytest.importorskip("gradio")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (command,) = [line for line in recipe("app") if "ferflow app" in line]
    assert "host" not in command
    words = [sys.executable, "-m", "ferflow", "app", "--model", model_folder, "--port", str(port)]
    victim = tmp_path / "victim.png"
    cv2.imwrite(str(victim), np.zeros((48, 48), np.uint8))
    with running(words, tmp_path, url) as sockets:
        assert sockets == {("127.0.0.1", port)}
        assert answer(url)[0] == 200
        assert answer(url, Host="stranger.example")[0] == 400
        for place in (victim, "/etc/passwd"):
            assert answer(f"{url}/gradio_api/file={place}")[0] == 403
            picture = {"path": str(place), "meta": {"_type": "gradio.FileData"}}
            asked = {"data": [picture], "fn_index": 0, "session_hash": "a"}
            assert answer(f"{url}/gradio_api/queue/join", asked)[0] == 200
            said = answer(f"{url}/gradio_api/queue/data?session_hash=a")[1]
            assert '"success":false' in said and "ff-bars" not in said
    assert "was not uploaded by a user" in (tmp_path / "log").read_text()
    assert victim.exists()
