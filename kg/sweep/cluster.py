"""Trainings of a sweep by the workers of a Dask cluster, which see the same runs and data folders."""

import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import KgError
from kg.sweep import pool
from kg.sweep.plan import Job
from kg.sweep.pool import Slot, log_file

WATCHED = """
import os, threading

def end_with_worker():
    while os.read(0, 1):
        pass
    os._exit(137)

threading.Thread(target=end_with_worker, daemon=True).start()
from kg.cli import main
main()
"""
"""`kg` that ends with the worker that started it: another one goes on with the training then."""
PAUSE = 0.5
"""Seconds between two looks at a process."""


@dataclass(frozen=True)
class WorkerSlot(Slot):
    """A place for one process on some worker; unless it is to be the CPU, on the best device that it has."""

    cpu: bool = False

    def words(self) -> list[str]:
        """See `Slot.words`."""
        return ["--cpu"] if self.cpu else []


def worker_slots(client: Any, count: int | None, cpu: bool, jobs: int) -> list[WorkerSlot]:
    """Return as many places as a cluster has workers, with as many threads as they have.

    Dask gives work to whoever is free, so that each has one of them. Work that was bound to a certain worker
    would not be done when that is lost.

    Raises:
        KgError: It has no workers.
    """
    threads: dict[str, int] = client.nthreads()
    if not threads:
        raise KgError(
            f"The cluster at {client.scheduler.address} has no workers.", "Start some: dask worker ADDRESS"
        )
    slots = [WorkerSlot(None, min(threads.values()), cpu)] * len(threads)
    return slots[: max(1, min(count or len(slots), jobs))]


class Starter:
    """Starts trainings on a cluster, in the place of `kg.sweep.pool`'s own processes."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(
        self, job: Job, slot: Slot, words: Sequence[str] | None, mode: str, answer: Path | None = None
    ) -> "Remote":
        """Start `kg` with some words, or with those that begin the training or go on with it."""
        _stop_file(job).unlink(missing_ok=True)

        # By value, as what the worker lacks is then an error of the work.
        def work(content: bytes) -> int:
            from pickle import loads

            from kg.sweep.cluster import run_here

            return run_here(*loads(content))

        content = pickle.dumps((job, slot, words, mode, answer))
        return Remote(self._client.submit(work, content, pure=False), job)


class Remote:
    """A process on a worker; what is asked of one here can be asked of it."""

    def __init__(self, future: Any, job: Job) -> None:
        self._future, self._job = future, job
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        if self.returncode is None and self._future.done():
            try:
                self.returncode = self._future.result()
            except Exception as error:
                self.returncode = 1
                lost = type(error).__name__ == "KilledWorker"
                reason = "Workers of the cluster were lost over it again and again." if lost else str(error)
                with log_file(self._job).open("a") as log:
                    log.write(f"error {' '.join(reason.split())}\n")
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Have it save itself and end."""
        _stop_file(self._job).write_text("stop")

    def kill(self) -> None:
        """Have it end at once."""
        if self.poll() is None:
            _stop_file(self._job).write_text("kill")

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        while self.poll() is None:
            time.sleep(PAUSE)
        assert self.returncode is not None
        return self.returncode


def run_here(job: Job, slot: Slot, words: Sequence[str] | None, mode: str, answer: Path | None) -> int:
    """Run `kg` and return its exit code: what a worker does.

    Where another worker was lost, the run folder is there by now: the training goes on.
    """
    program = (sys.executable, "-P", "-c", WATCHED)
    process = pool.start(job, slot, words or job.words(), mode, answer, program, subprocess.PIPE)
    stop, obeyed = _stop_file(job), ""
    while process.poll() is None:
        time.sleep(PAUSE)
        order = stop.read_text() if stop.is_file() else ""
        if order != obeyed:
            process.send_signal(signal.SIGKILL if order == "kill" else signal.SIGINT)
            obeyed = order
    return process.returncode


def _stop_file(job: Job) -> Path:
    """Return the file that tells a worker to stop a training, and how."""
    return log_file(job).with_suffix(".stop")
