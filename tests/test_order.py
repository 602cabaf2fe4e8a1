"""Quick tests are told by what they reach."""

import subprocess
from contextlib import contextmanager

from order import PROCESSES, reached


def start():
    return subprocess.run(["true"], check=True)


@contextmanager
def started():
    yield start()


def test_a_process_is_seen_behind_helpers_context_managers_and_inner_functions():
    def by_helper():
        return [start() for _ in range(2)]

    def by_context():
        with started():
            pass

    for function in (start, by_helper, by_context):
        assert "subprocess" in PROCESSES & reached(function, set())


def test_a_test_of_values_reaches_no_process():
    assert not PROCESSES & reached(lambda: sum([1, 2]), set())


def test_this_test_is_quick_and_shares_a_worker_with_its_file(request):
    assert request.node.get_closest_marker("quick")
    assert request.node.get_closest_marker("xdist_group").args == ("test_order",)
    if request.config.getoption("loadgroup", default=False):  # a worker of pytest-xdist
        assert request.node.nodeid.endswith("@test_order")
