"""Several processes that make rows side by side."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import Counter
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

    def within(self, gap: range) -> range:
        """Return what a gap and its shapes have in common."""
        return range(max(gap.start, self.numbers.start), min(gap.stop, self.numbers.stop))


class DeathError(KgError):
    """A worker process died; `reason` says how, of the shape that it was making."""

    def __init__(self, message: str, hint: str, reason: str) -> None:
        super().__init__(message, hint)
        self.reason = reason


def make_together(
    job: Job, missing: Sequence[range], count: int, *, tolerant: bool = False
) -> Generator[int, None, None]:
    """Make the rows of the missing shapes in `count` processes; yields each number when its row is made.

    However it ends, the processes end with it, and what they have written stays.

    Args:
        job: What makes rows.
        missing: The shapes.
        count: Of processes at most.
        tolerant: A process that dies is replaced, and a shape over which two died is left out, with the
            rest of its object where the data set loads by object. What a dead process had not written yet
            is made, and yielded, again.

    Raises:
        KgError: As `Job.make`; or the data set cannot be sent to another process, or one was killed.
        OSError: A chunk cannot be written.
    """
    left = list(missing)
    objects = [item.object for item in job.items] if job.dataset.by_object else []
    started: list[_Worker] = []
    deaths: Counter[int] = Counter()
    try:
        while left and len(started) < count:
            with _share(count):
                started.append(_start(job, take(left, count, objects)))
        busy = {worker.connection: worker for worker in started}
        while busy:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                message = _receive(worker, job)
                if tolerant and isinstance(message, DeathError):
                    deaths[worker.at] += 1
                    if deaths[worker.at] > 1:
                        job.leave_out(_poisoned(worker, job), message.reason)
                    del busy[worker.connection]
                    left[:0] = [gap for gap in map(worker.within, job.chunks.missing()) if gap]
                    if left:
                        with _share(count):
                            started.append(_start(job, take(left, count, objects)))
                        busy[started[-1].connection] = started[-1]
                    continue
                if isinstance(message, Exception):
                    raise message
                if message is not None:
                    worker.done += 1
                    yield message
                elif left:
                    worker.numbers, worker.done = take(left, count, objects), 0
                    worker.connection.send(worker.numbers)
                else:
                    del busy[worker.connection]
    finally:
        for worker in started:
            worker.process.kill()
        for worker in started:
            worker.process.join()


def take(left: list[range], count: int, objects: Sequence[str] = ()) -> range:
    """Return the next shapes for a worker, and take them away from what is left.

    Given the shapes' objects, those of one stay together.
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


def _poisoned(worker: _Worker, job: Job) -> range:
    """Return the shape over which a worker died, with those after it that the same simulation would make."""
    end = worker.at + 1
    if job.dataset.by_object:
        name = job.items[worker.at].object
        while end < worker.numbers.stop and job.items[end].object == name:
            end += 1
    return range(worker.at, end)


def _death(worker: _Worker, job: Job) -> DeathError:
    code = worker.process.exitcode or 0
    item = job.items[worker.at].id
    reason = f"Two processes that made it died, the last {{}}, while they made {item}."
    if code == -9:
        return DeathError(
            f"A worker process was killed while it made {item}: the machine may be short of memory.",
            "Use fewer with --workers. What is done is kept: the same command goes on from there.",
            reason.format("killed"),
        )
    if code < 0:
        name = signal.Signals(-code).name
        return DeathError(
            f"A worker process died by {name} while it made {item}.",
            "If it does so again, take the file of this shape away; the same command goes on from there.",
            reason.format(f"by {name}"),
        )
    return DeathError(
        f"A worker process ended with exit code {code} while it made {item}; what it said stands above.",
        "Prepare in one process: --workers 1",
        reason.format(f"with exit code {code}"),
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
