#!/usr/bin/env bash
# joblib 1.6.0 with Dask 2026.8.0: an array inside an object is sent again with every task.
#
# joblib's Dask back end sends an argument once if it is larger than 1 kB by dask.sizeof. That is
# right for arrays. Of an object with attributes it sees the object alone, some 50 bytes: a data
# class, an estimator that holds its data, a bound method's owner are pickled with each task, arrays
# and all. So are the functions themselves, however large what they hold is. An array that is an
# argument of its own is sent once per call of Parallel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet joblib==1.6.0 distributed==2026.8.0 numpy==2.4.6
cd "$folder"
cat > main.py <<'PYTHON'  # a file: workers are spawned
import warnings

import dask
import joblib
import numpy as np
from dask.sizeof import sizeof
from distributed import Client, LocalCluster

warnings.simplefilter("ignore")
N_TASKS, pickled, scattered = 8, [], []


class Holder:
    def __init__(self, array):
        self.array = array

    def __reduce__(self):
        pickled.append(self.array.nbytes)
        return list, ()  # what arrives does not matter here


class Counting(Client):
    def scatter(self, data, *args, **options):
        scattered.append(data.nbytes)
        return super().scatter(data, *args, **options)


if __name__ == "__main__":
    array = np.ones(500_000)  # 4 MB
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Counting(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        client.wait_for_workers(2)
        holder = Holder(array)
        joblib.Parallel(batch_size=1)(joblib.delayed(type)(array) for _ in range(N_TASKS))
        assert not pickled
        joblib.Parallel(batch_size=1)(joblib.delayed(type)(holder) for _ in range(N_TASKS))
    print("joblib", joblib.__version__, "dask", dask.__version__)
    print(f"dask.sizeof: array {sizeof(array):,} bytes, object that holds it {sizeof(holder)}")
    print(f"{N_TASKS} tasks of the array: sent {len(scattered)} time, {sum(scattered):,} bytes")
    print(f"{N_TASKS} tasks of the object: sent {len(pickled)} times, {sum(pickled):,} bytes")
    assert len(scattered) == 1 and len(pickled) >= N_TASKS and sizeof(holder) < 1000
PYTHON
"$folder/venv/bin/python" main.py
# seen: joblib 1.6.0 dask 2026.8.0
#       dask.sizeof: array 4,000,000 bytes, object that holds it 56
#       8 tasks of the array: sent 1 time, 4,000,000 bytes
#       8 tasks of the object: sent 8 times, 32,000,000 bytes
