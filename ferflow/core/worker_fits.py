"""Fits on the workers of Dask, where joblib is told to: `joblib.parallel_config(backend="dask")`.

joblib's own Dask back end sends an array inside an object with every task, waits without end where
a task cannot be sent or its workers die, and lets fits within fits be tasks too. The one here sends
arrays once, raises, and computes each task in one thread.
"""

import contextlib
import io
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import cloudpickle
import numpy as np
from joblib import parallel_config
from joblib.parallel import ParallelBackendBase, SequentialBackend, get_active_backend

from ferflow.core.errors import FerflowError

_ONCE = 100_000  # bytes; smaller arrays travel with each task
_NO_SCHEDULER = (
    "the scheduler of Dask ended, or cannot be reached any more, and with it the fits on workers. "
    "Start it and its workers, then start again; a checkpoint is continued."
)
_TRIES = 4  # of a task whose workers end, as Dask's own allowed-failures


@contextlib.contextmanager
def fits_on_workers(on_fit: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Inside, `joblib.Parallel` computes on Dask's workers if joblib's Dask back end is chosen.

    All threads of all workers are used, whatever n_jobs. An error in a task is raised here as it
    was there. Of arrays of 100 kB or more each worker gets one read-only copy, kept while the
    array is in use here. With any other back end nothing changes.
    on_fit : called after each task that a worker computed.
    Raises FerflowError if the workers of a task ended again and again, or the scheduler did.
    """
    backend, _ = get_active_backend()
    if type(backend).__module__ != "joblib._dask":
        yield
        return
    workers = _OnWorkers(backend, on_fit)
    try:
        with parallel_config(backend=workers):
            yield
    finally:
        workers.forget()


class _OnWorkers(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """given : joblib's Dask back end, with its client and what it adds to each task."""

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(self, given: Any, on_fit: Callable[[], object]) -> None:
        super().__init__(nesting_level=0)
        self._given, self._on_fit = given, on_fit
        self._sent: dict[int, tuple[Any, Any]] = {}  # by identity of an array: future, weak link
        self._running: dict[Any, Callable[[Any], object]] = {}
        self._done = threading.Event()

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Threads of all workers; never 1, for which joblib would compute in this process."""
        return max(2, int(self._given.effective_n_jobs(n_jobs)))

    def retrieval_context(self) -> Any:
        return self._given.retrieval_context()

    def get_nested_backend(self) -> tuple[Any, int]:
        """A task is one thread of its worker, whatever n_jobs its estimator has."""
        return SequentialBackend(nesting_level=1), 1

    def start_call(self) -> None:
        self._done = threading.Event()
        threading.Thread(target=self._watch, args=(self._done,), daemon=True).start()

    def stop_call(self) -> None:
        self._done.set()

    def _watch(self, done: threading.Event) -> None:
        """Dask calls nobody back once it has given the scheduler up."""
        while not done.wait(1):
            if self._given.client.status in ("closing", "closed"):
                for callback in list(self._running.values()):
                    callback(FerflowError(_NO_SCHEDULER))
                return

    def submit(self, func: Any, callback: Callable[[Any], object]) -> Any:
        """Send joblib's batch of calls; the callback gets its future, or what kept it from going.

        An error raised here would be lost: joblib also calls this in the callback's thread.
        """
        return self._send(func, callback, _TRIES)

    def _send(self, func: Any, callback: Callable[[Any], object], tries: int) -> Any:
        try:
            task, arrays = _packed(func)
            name = getattr(func.items[0][0], "__name__", "fit").strip("_")
            future = self._given.client.submit(
                _run,
                task,
                *[self._future(array) for array in arrays],
                key=f"{name}-{uuid4().hex}",
                **self._given.submit_kwargs,
            )
        except BaseException as error:
            gone = self._given.client.status != "running"
            callback(FerflowError(_NO_SCHEDULER) if gone else error)
            return None
        self._running[future] = callback

        def ended(future: Any) -> None:
            # the last worker that had one of its arrays is gone
            if future.cancelled() and future in self._running and tries > 1:
                self._running.pop(future, None)
                self._send(func, callback, tries - 1)
            else:
                callback(future)

        future.add_done_callback(ended)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """The result of a task that has ended; its error is raised."""
        from distributed import CancelledError, KilledWorker

        if isinstance(out, BaseException):
            raise out
        self._running.pop(out, None)
        try:
            result = out.result()
        except (KilledWorker, CancelledError):
            raise FerflowError(
                f"a fit was lost: the workers that computed it ended, {_TRIES} times. Their logs "
                "say why, often for lack of memory. Then start again; a checkpoint is continued."
            ) from None
        self._on_fit()
        return result

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back the tasks that have not begun."""
        del ensure_ready
        running, self._running = list(self._running), {}
        if self._given.client.status == "running":
            self._given.client.cancel(running)

    def _future(self, array: np.ndarray[Any, Any]) -> Any:
        """The array on the workers, sent there if it has not been."""
        key = id(array)
        if key not in self._sent or self._sent[key][0].status != "finished":
            sent = self._given.client.scatter(np.asarray(array), broadcast=True, hash=False)
            # an identity is given anew once its array is gone
            self._sent[key] = sent, weakref.ref(array, lambda _: self._sent.pop(key, None))
        return self._sent[key][0]

    def forget(self) -> None:
        """Have the workers drop the arrays."""
        self._sent.clear()


def _packed(task: Any) -> tuple[bytes, list[np.ndarray[Any, Any]]]:
    """A task without its large arrays, and these."""
    arrays: dict[int, np.ndarray[Any, Any]] = {}

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, value: Any) -> int | None:
            if type(value) not in (np.ndarray, np.memmap) or value.nbytes < _ONCE:
                return None
            if value.dtype.hasobject:
                return None
            arrays[id(value)] = value
            return list(arrays).index(id(value))

    packed = io.BytesIO()
    Pickler(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(task)
    return packed.getvalue(), list(arrays.values())


def _run(task: bytes, *arrays: np.ndarray[Any, Any]) -> Any:
    """The result of a packed task, on a worker."""
    views = [array.view() for array in arrays]
    for view in views:
        view.flags.writeable = False  # other tasks of this worker read the array too

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, number: int) -> np.ndarray[Any, Any]:
            return views[number]

    return Unpickler(io.BytesIO(task)).load()()
