#!/usr/bin/env bash
# pytest 9.2.0 and pytest-xdist 3.8.0: --dist loadgroup spreads a group's tests over the workers.
#
# pytest-xdist tells the groups by writing "@group" behind a test's name, into the attribute
# `_nodeid`. From pytest 9.2 on a test's name lies elsewhere, so the new attribute is read by nobody:
# no error, no warning, and tests marked xdist_group("database") run side by side. With 9.1.1 the
# same files, versions and options keep them on one worker.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
cat > test_group.py <<'PYTHON'
import time

import pytest

pytestmark = pytest.mark.xdist_group("database")


@pytest.mark.parametrize("number", range(6))
def test_it(number, worker_id):
    time.sleep(0.2)
    with open("workers.txt", "a") as file:
        print(worker_id, file=file)
PYTHON
workers() {
    venv/bin/pip install --quiet "pytest==$1" pytest-xdist==3.8.0
    rm -f workers.txt
    venv/bin/pytest -q -n 2 --dist loadgroup test_group.py > /dev/null
    sort -u workers.txt | wc -l
}
before=$(workers 9.1.1)
after=$(workers 9.2.0)
echo "pytest 9.1.1: the group ran on $before worker; pytest 9.2.0: on $after"
[ "$before" = 1 ] && [ "$after" = 2 ]
# seen: pytest 9.1.1: the group ran on 1 worker; pytest 9.2.0: on 2
