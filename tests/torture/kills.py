"""kill -9 at random moments of `dvc repro`: of its whole process group, or of dvc alone."""

import os
import queue
import random
import re
import signal
import threading
import time
from dataclasses import dataclass

from torture.scratch import FAMILIES, STAGES, Scratch, tell, wait_for_the_end

MODES = ("group", "dvc alone")
CUT_OFF = "Unable to read RWLock-file"  # what DVC says when it was killed while it wrote its locks
PER_ROUND = 7  # kills while one and the same pipeline run is brought to its end


@dataclass(frozen=True, order=True)
class Moment:
    """So many seconds after a stage began (0: after `dvc repro` itself did)."""

    stage: int
    seconds: float

    @property
    def name(self):
        return STAGES[self.stage - 1] if self.stage else "start"


class Killer:
    """One family's pipeline, its unbroken run, and rounds of kills compared with it."""

    def __init__(self, folder, family, seed=0):
        self.family = family
        self.random = random.Random(f"{family} {seed}")
        self.repository = Scratch(folder)
        self.repository.use("quickstart", *FAMILIES[family])
        self.repository.commit()
        self.counts = dict.fromkeys((*MODES, "too late"), 0)
        self.hit = dict.fromkeys(("start", *STAGES), 0)
        self.foreign = self.doubled_models = self.cut_locks = 0
        _, self.starts = self._run([])
        self.starts.append(self.seconds)
        self.outputs, self.store = self.repository.outputs(), self.repository.store()
        assert [status for _, status in self.store["runs"]] == ["FINISHED"]

    @property
    def n_kills(self):
        return sum(self.counts[mode] for mode in MODES)

    def run(self, n_kills):
        """Rounds until so many kills are counted; returns what happened."""
        n_rounds = 0
        while self.n_kills < n_kills:
            wanted = min(PER_ROUND, n_kills - self.n_kills)
            self.round(self._moments(wanted))
            n_rounds += 1
            tell(family=self.family, kills=self.n_kills, rounds=n_rounds, hit=self.hit)
        return {"family": self.family, "rounds": n_rounds, "hit": self.hit} | self.counts

    def round(self, moments):
        """From a fresh clone to the end, killed at each of the moments that comes up."""
        self.repository.reset()
        finished = False
        while not finished:
            finished, _ = self._run(moments)
        self._check()

    def _moments(self, n):
        """One moment in each of n equal parts of the unbroken run, in order."""
        moments = []
        for k in range(n):
            at = self.starts[-1] * (k + self.random.random()) / n
            stage = max(i for i, start in enumerate(self.starts[:-1]) if start <= at)
            moments.append(Moment(stage, at - self.starts[stage]))
        return moments

    def _run(self, moments):
        """`dvc repro` until the next moment; (whether it finished, when each stage began).

        Takes from `moments` what was reached, and what this run cannot reach any more.
        """
        process, mark = self.repository.start_repro()
        lines = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        began, stage, since, starts, printed = time.monotonic(), 0, time.monotonic(), [0.0], ""
        while True:
            while moments and moments[0].stage < stage:
                moments.pop(0)
                self.counts["too late"] += 1
            due = moments[0].seconds if moments and moments[0].stage == stage else None
            wait = None if due is None else max(0.0, since + due - time.monotonic())
            try:
                line = lines.get(timeout=wait)
            except queue.Empty:
                self._kill(process, mark, moments.pop(0))
                return False, starts
            if line is None:
                break
            printed += line
            if match := re.match(r"Running stage '(\w+)'", line):
                stage, since = STAGES.index(match[1]) + 1, time.monotonic()
                starts.append(since - began)
        self.seconds = time.monotonic() - began
        if process.wait() and CUT_OFF in printed:
            self.repository.mend()
            self.cut_locks += 1
            return False, starts
        assert process.returncode == 0, printed
        self.counts["too late"] += len(moments)
        moments.clear()
        assert not wait_for_the_end(mark)
        return True, starts

    def _kill(self, process, mark, moment):
        mode = MODES[self.n_kills % 2]
        if mode == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        left = wait_for_the_end(mark)
        assert not left, f"{left} live on after {moment} ({mode})"
        self.counts[mode] += 1
        self.hit[moment.name] += 1
        tell(family=self.family, kill=self.n_kills, of=mode, moment=[moment.name, moment.seconds])

    def _check(self):
        """Everything is as after the unbroken run."""
        assert self.repository.outputs() == self.outputs
        assert self.repository.parts() == []
        wrong, foreign = self.repository.cache_faults()
        assert wrong == [], "damaged files in the cache"
        self.foreign = max(self.foreign, len(foreign))
        store = self.repository.store()
        assert store["runs"] == self.store["runs"]
        assert store["points"] == self.store["points"]
        self.doubled_models += store["models"] - self.store["models"]


def _read(stream, lines):
    """Hand on the lines of a stream, then None."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)
