"""Several processes that make rows side by side."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from kg.data.preparing.rows import Job
from kg.devices import threads
from kg.errors import KgError

LARGEST = 64
"""Shapes handed to a worker at a time; fewer towards the end, so that all end together."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    numbers: range
    done: int = 0

    @property
    def at(self) -> int:
        """The shape that it is making."""
        return self.numbers[min(self.done, len(self.numbers) - 1)]


def make_together(job: Job, missing: Sequence[range], count: int) -> Generator[int, None, None]:
    """Make the rows of the missing shapes in `count` processes; yields each number when its row is made.

    However it ends, the processes end with it, and what they have written stays.

    Raises:
        KgError: As `Job.make`; or a process was killed, or the data set cannot be sent to another one.
        OSError: A part cannot be written.
    """
    left = list(missing)
    objects = [item.object for item in job.items] if job.dataset.by_object else []
    started: list[_Worker] = []
    try:
        while left and len(started) < count:
            with _share(count):
                started.append(_start(job, _take(left, count, objects)))
        busy = {worker.connection: worker for worker in started}
        while busy:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                message = _receive(worker, job)
                if isinstance(message, Exception):
                    raise message
                if message is not None:
                    worker.done += 1
                    yield message
                elif left:
                    worker.numbers, worker.done = _take(left, count, objects), 0
                    worker.connection.send(worker.numbers)
                else:
                    del busy[worker.connection]
    finally:
        for worker in started:
            worker.process.kill()
        for worker in started:
            worker.process.join()


def _take(left: list[range], count: int, objects: Sequence[str] = ()) -> range:
    """Return the next shapes for a worker, and take them away from what is left.

    Given the shapes' objects, it does not part those of one.
    """
    size = max(1, min(LARGEST, sum(map(len, left)) // (4 * count)))
    run = left[0]
    while objects and size < len(run) and objects[run[size]] == objects[run[size - 1]]:
        size += 1
    taken, rest = left[0][:size], left[0][size:]
    left[:1] = [rest] if rest else []
    return taken


@contextmanager
def _share(count: int) -> Iterator[None]:
    """Give a process that is started meanwhile its share of the threads, for what it reads files with."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads() // count))
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _start(job: Job, numbers: range) -> _Worker:
    # Processes that begin afresh are the same on every system, and safe whatever threads run here.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job, numbers), daemon=True)
    try:
        process.start()
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise KgError(
            f"The data set '{job.dataset.name}' cannot be sent to another process: {error}",
            "Prepare it in one: --workers 1",
        ) from error
    theirs.close()
    return _Worker(process, ours, numbers)


def _receive(worker: _Worker, job: Job) -> int | Exception | None:
    """Return a worker's message: a number, its error, or None when its shapes are done."""
    try:
        message: int | Exception | None = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        return _death(worker, job)
    return message


def _death(worker: _Worker, job: Job) -> KgError:
    code = worker.process.exitcode or 0
    item = job.items[worker.at].id
    if code == -9:
        return KgError(
            f"A worker process was killed while it made {item}: the machine may be short of memory.",
            "Use fewer with --workers. What is done is kept: the same command goes on from there.",
        )
    if code < 0:
        return KgError(
            f"A worker process died by {signal.Signals(-code).name} while it made {item}.",
            "If it does so again, take the file of this shape away; the same command goes on from there.",
        )
    return KgError(
        f"A worker process ended with exit code {code} while it made {item}; what it said stands above.",
        "Prepare in one process: --workers 1",
    )


def _work(connection: Connection, job: Job, numbers: range) -> None:
    """Make rows until nobody asks for more: what a worker process does."""
    # Ctrl-C reaches all processes of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        while True:
            for number in job.make(numbers):
                connection.send(number)
            connection.send(None)
            numbers = connection.recv()
    except EOFError:
        return
    except Exception as error:
        connection.send(_portable(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _portable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or its text if it cannot be sent."""
    text = "".join(traceback.format_exception(error))
    error.add_note(f"In a worker process:\n{text}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    return error
