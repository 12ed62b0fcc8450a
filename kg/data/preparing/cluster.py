"""Rows of a store made by the workers of a Dask cluster."""

import pickle
import platform
import secrets
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import kg
from kg import paths
from kg.data.cluster import connected
from kg.data.preparing.chunks import files_of
from kg.data.preparing.rows import Job
from kg.data.preparing.workers import take
from kg.errors import KgError

PATIENCE, EVERY = 300.0, 10.0
"""Seconds that a cluster may be without any worker, and between two looks at it."""
FEWEST = 8
"""Workers that are reckoned with, at least, where a cluster grows with its work."""


@dataclass(frozen=True)
class Lot:
    """Some shapes for a worker, with all that it has to know.

    Attributes:
        job: Of these shapes alone.
        numbers: Which.
        files: Size and time of change of every file that they are made from, as the sender sees them.
        versions: Of what makes the rows.
        token: Name of a file in the folder of chunks, by which a worker knows that it sees that folder.
    """

    job: Job
    numbers: range
    files: Mapping[Path, Sequence[int]]
    versions: Mapping[str, str]
    token: str


def versions() -> dict[str, str]:
    """Return the versions of what decides how rows come out."""
    return {"kg": kg.__version__, "numpy": np.__version__, "python": platform.python_version()}


def make_on_cluster(job: Job, missing: Sequence[range], where: str) -> Generator[int, None, None]:
    """Make the rows of the missing shapes on a cluster; yields each number when its row is there.

    Workers that see the folder of chunks write there; chunks of others come back through Dask. What a lost
    worker had is made by others. Lots over which several were lost are made in the end, shape by shape
    (object by object, where the data set loads by object), and a shape that does it again is left out.

    Args:
        job: What makes rows.
        missing: The shapes.
        where: The cluster (see `kg.data.cluster.connected`).

    Raises:
        KgError: As `Job.make`; or no cluster is there, or a worker has another kg or other files.
    """
    with connected(where) as client:
        from distributed import KilledWorker

        token = f"on-{secrets.token_hex(8)}"
        job.chunks.folder.mkdir(parents=True, exist_ok=True)
        (job.chunks.folder / token).touch()
        count = max(FEWEST, sum(client.nthreads().values()))
        objects = [item.object for item in job.items] if job.dataset.by_object else []
        left, lots = list(missing), dict[Any, range]()

        # Both travel as values: what cannot be imported there is an error of the work then, not of the
        # connection, which Dask would try to mend for ever.
        def work(content: bytes) -> dict[str, bytes]:
            from pickle import loads

            from kg.data.preparing.cluster import make_lot

            return make_lot(loads(content))

        def submit(numbers: range) -> Any:
            future = client.submit(work, pickle.dumps(_lot(job, numbers, token)), pure=False)
            lots[future] = numbers
            return future

        def more() -> None:
            # Whatever waits on a worker that is lost is suspected with what it was at.
            while left and len(lots) < 2 * count:
                submit(take(left, count, objects))

        suspects: list[range] = []
        try:
            more()
            while lots:
                for future in _first_done(client, list(lots)):
                    numbers = lots.pop(future)
                    try:
                        _receive(job.chunks.folder, _result(future))
                    except KilledWorker:
                        suspects += _pieces(numbers, objects)
                    else:
                        yield from numbers
                more()
            # With nothing else at work it is certain what a worker was lost over.
            for numbers in suspects:
                [future] = _first_done(client, [submit(numbers)])
                try:
                    _receive(job.chunks.folder, _result(future))
                except KilledWorker:
                    job.leave_out(numbers, "The cluster lost several workers while they made it alone.")
                del lots[future]
                yield from numbers
        finally:
            client.cancel(list(lots))
            (job.chunks.folder / token).unlink(missing_ok=True)


def _first_done(client: Any, futures: list[Any]) -> list[Any]:
    """Return the first of some futures that are done, well or not, as soon as there are any.

    Raises:
        KgError: The cluster has lost its workers, and none came in their place.
    """
    from distributed import wait

    alone = 0.0
    while True:
        try:
            with client.as_current():
                return list(wait(futures, timeout=EVERY, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            alone = 0.0 if client.nthreads() else alone + EVERY
            if alone >= PATIENCE:
                raise KgError(
                    f"The cluster {client.scheduler.address} has no workers any more.",
                    "Start some. The same command then goes on: what is made is kept.",
                ) from None


def _result(future: Any) -> dict[str, bytes]:
    """Return what a worker made, or raise what it raised."""
    try:
        files: dict[str, bytes] = future.result()
    except ModuleNotFoundError as error:
        raise KgError(
            f"A worker of the cluster cannot import {error.name}.",
            "Install the same kg on all of them, data set plugins included.",
        ) from error
    return files


def make_lot(lot: Lot) -> dict[str, bytes]:
    """Make the rows of a lot: what a worker does.

    Returns:
        Chunks by their names; none where they lie in the sender's folder already.

    Raises:
        KgError: As `Job.make`; or this machine has another kg or sees other files.
    """
    _check(lot)
    chunks = lot.job.chunks
    if (chunks.folder / lot.token).is_file():
        _make(lot.job, lot.numbers)
        return {}
    with tempfile.TemporaryDirectory(prefix="kg-") as folder:
        own = replace(lot.job, chunks=chunks.within(Path(folder)))
        _make(own, lot.numbers)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def _make(job: Job, numbers: range) -> None:
    for _ in job.make(numbers):
        pass


def _check(lot: Lot) -> None:
    host = platform.node()
    own = versions()
    if other := ", ".join(f"{name} {own[name]}" for name in own if own[name] != lot.versions.get(name)):
        expected = ", ".join(f"{name} {version}" for name, version in lot.versions.items())
        raise KgError(
            f"The worker on {host} has {other}; the store would not be one of {expected}.",
            "Install the same versions everywhere.",
        )
    for file, stamp in lot.files.items():
        if list(stamp) != files_of(file)[file]:
            raise KgError(
                f"The worker on {host} sees no {file}, or another one.",
                "Raw files must lie under the same paths everywhere, with their times of change (rsync -a).",
            )


def _lot(job: Job, numbers: range, token: str) -> Lot:
    own = job.narrowed_to(numbers)
    files: dict[Path, list[int]] = {}
    for item in own.items:
        files |= files_of(item.source)
    return Lot(own, numbers, files, versions(), token)


def _pieces(numbers: range, objects: Sequence[str]) -> list[range]:
    """Return the shapes of a lot one by one, or object by object where there are objects."""
    starts = [
        number
        for number in numbers
        if number == numbers.start or not objects or objects[number] != objects[number - 1]
    ]
    return [range(first, end) for first, end in zip(starts, [*starts[1:], numbers.stop], strict=True)]


def _receive(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with paths.replacing(folder / Path(name).name) as temporary:
            temporary.write_bytes(content)
