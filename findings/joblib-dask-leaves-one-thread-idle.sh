#!/usr/bin/env bash
# joblib 1.6.0: on a Dask cluster of one thread the calling process computes, not the worker.
#
# Under parallel_config(backend="dask") the number of jobs is the number of the cluster's threads,
# whatever n_jobs. Where that is 1, Parallel takes its short way for one job: a loop in the calling
# process. So a lone worker with one thread, on a larger machine than the caller's, or a cluster of
# which one worker is up at that moment, is never asked; nothing says so. With two threads the same
# call runs on the workers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet joblib==1.6.0 distributed==2026.8.0
cd "$folder"
cat > main.py <<'PYTHON'  # a file: workers are spawned
import os
import warnings

import joblib
from distributed import Client, LocalCluster

warnings.simplefilter("ignore")


def computed_here(n_workers):
    """How many of 4 tasks ran in this process."""
    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        client.wait_for_workers(n_workers)
        places = joblib.Parallel(n_jobs=4)(joblib.delayed(os.getpid)() for _ in range(4))
    return places.count(os.getpid())


if __name__ == "__main__":
    found = {n: computed_here(n) for n in (1, 2)}
    print("joblib", joblib.__version__)
    for n, here in found.items():
        print(f"{n} worker(s) of one thread, n_jobs=4: {here} of 4 tasks ran in the caller")
    assert found == {1: 4, 2: 0}
PYTHON
"$folder/venv/bin/python" main.py
# seen: joblib 1.6.0
#       1 worker(s) of one thread, n_jobs=4: 4 of 4 tasks ran in the caller
#       2 worker(s) of one thread, n_jobs=4: 0 of 4 tasks ran in the caller
