"""A tracking server that is not there is told in seconds; one that is there is left to MLflow."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ferflow.core.errors import FerflowError
from ferflow.tracking import reach
from ferflow.tracking.reach import check_server

ROOT = Path(__file__).parents[1]


@pytest.fixture
def closed_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:  # bound and not listening: nobody else gets it meanwhile
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def server(status):
    """The port of a server that answers every question with a status."""
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port, asked
        listening.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_closed_port_is_named_with_the_cure(closed_port, scheme):
    with pytest.raises(FerflowError) as caught:
        check_server(f"{scheme}://127.0.0.1:{closed_port}")
    assert str(caught.value) == (
        f"no MLflow server answers at {scheme}://127.0.0.1:{closed_port}, which "
        "MLFLOW_TRACKING_URI names (Connection refused). Start the server, correct the address, "
        "or unset MLFLOW_TRACKING_URI to use the repository's own store; then run `ferflow track`."
    )


def test_a_password_is_in_no_message(closed_port):
    with pytest.raises(FerflowError, match=rf"at http://127.0.0.1:{closed_port}/a, ") as caught:
        check_server(f"http://me:secret@word@127.0.0.1:{closed_port}/a")
    assert "me" not in str(caught.value).split("names")[0].partition("at ")[2]
    assert "secret" not in str(caught.value) and "word" not in str(caught.value)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(reach, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.perf_counter()
        with pytest.raises(FerflowError, match=r"\(no answer within 0.3 seconds\)"):
            check_server(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert time.perf_counter() - started < 5
    assert reach.SECONDS < 10


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_any_answer_is_a_server(status):
    with server(status) as (port, asked):
        check_server(f"http://127.0.0.1:{port}/mlflow/")
    assert asked == ["/mlflow/health"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_its_server_is_none(status):
    with server(status) as (port, _), pytest.raises(FerflowError, match=rf"HTTP status {status}"):
        check_server(f"http://127.0.0.1:{port}")


def test_a_server_that_speaks_another_language_is_told():
    with (
        server(200) as (port, _),
        pytest.raises(FerflowError, match=r"at https://127.0.0.1:\d+, .*\.") as caught,
    ):
        check_server(f"https://127.0.0.1:{port}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("uri", ["http://", "http://a:b:c", "http://[1", "http://two words"])
def test_what_is_no_address_is_a_line(uri):
    with pytest.raises(FerflowError, match="no MLflow server answers at http://"):
        check_server(uri)


@pytest.mark.parametrize(
    "uri", ["postgresql://me:secret@{}/runs", "mysql+pymysql://me:secret@{}/x"]
)
def test_a_database_that_is_not_there_is_told_without_its_password(closed_port, uri):
    address = f"127.0.0.1:{closed_port}"
    with pytest.raises(FerflowError, match=rf"no database answers at .*{address}/") as caught:
        check_server(uri.format(address))
    assert "Connection refused" in str(caught.value) and "secret" not in str(caught.value)


def test_a_database_is_asked_at_its_own_port_where_the_address_names_none(monkeypatch):
    asked = []
    monkeypatch.setattr(reach.socket, "create_connection", lambda place, **_: asked.append(place))
    with pytest.raises(AttributeError):  # None is no connection to close
        reach._closed_port("postgresql+psycopg://runs.example/x")
    assert asked == [("runs.example", 5432)]


@pytest.mark.parametrize("uri", ["sqlite:///runs.db", "databricks", "postgresql:///runs?host=/run"])
def test_what_is_no_server_of_http_is_not_looked_at(uri):
    check_server(uri)


def track(repository, *, stage, port):
    """Run the stage, or the command, with a server that is not there: (exit code, words)."""
    command = ["-m", "stages.track"] if stage else ["-m", "ferflow", "track"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=repository.folder,
        env=repository.environment() | {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_fails_at_once_and_the_stage_warns(small, closed_port):
    started = time.perf_counter()
    code, printed, said = track(small, stage=False, port=closed_port)
    assert (code, printed) == (1, "")
    (line,) = said.splitlines()
    assert line.startswith(f"error: no MLflow server answers at http://127.0.0.1:{closed_port}, ")
    code, printed, said = track(small, stage=True, port=closed_port)
    assert (code, printed) == (0, "")
    (line,) = said.splitlines()
    assert line.startswith("warning: not tracked (no MLflow server answers at ")
    assert line.endswith("`ferflow track` tries again.")
    assert time.perf_counter() - started < 60  # MLflow's own retries took 265 seconds for one


def test_a_run_that_was_not_tracked_is_made_good_later(own, closed_port):
    shutil.rmtree(own.folder / ".mlflow")
    address = f"http://127.0.0.1:{closed_port}"
    command = ["dvc", "repro", "--force", "--single-item", "track"]
    printed = own.run(*command, MLFLOW_TRACKING_URI=address)  # ends well
    assert f"warning: not tracked (no MLflow server answers at {address}, " in printed
    assert "MLflow has a new run: " in own.ferflow("track")
    (run,) = own.runs()[1]
    assert run.info.status == "FINISHED"
