"""Locks: one process and one thread at a time, and nothing that a killed one leaves behind."""

import subprocess
import sys
from threading import Event, Thread

import pytest

from ferflow.core.locks import exclusive

HOLD = """
import sys, time
from pathlib import Path
from ferflow.core.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "made" / "a.lock"


def is_held(file):
    try:
        with exclusive(file, held=RuntimeError("held")):
            return False
    except RuntimeError:
        return True


def test_the_lock_of_a_killed_process_blocks_nobody(file):
    with subprocess.Popen([sys.executable, "-c", HOLD, file], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert is_held(file)
        process.kill()
    assert not is_held(file)


def test_threads_wait_for_each_other(file):
    got, order = Event(), []

    def wait():
        with exclusive(file):
            order.append("second")
            got.set()

    with exclusive(file):
        thread = Thread(target=wait)
        thread.start()
        assert not got.wait(0.3)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_the_file_stays_so_that_all_lock_the_same_one(file):
    with exclusive(file):
        assert is_held(file)
        number = file.stat().st_ino
    assert not is_held(file)
    assert file.stat().st_ino == number


def test_the_lock_ends_with_an_error_in_the_block(file):
    with pytest.raises(ValueError, match="mine"), exclusive(file):
        raise ValueError("mine")
    assert not is_held(file)
