"""From a data set's shapes to a prepared store."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from kg.data.disk import full_disk_told
from kg.data.lock import alone
from kg.data.preparing.chunks import Told
from kg.data.preparing.cluster import make_on_cluster
from kg.data.preparing.merge import write_chunks
from kg.data.preparing.plan import Plan
from kg.data.preparing.room import check_room
from kg.data.preparing.rows import Job
from kg.data.preparing.shards import Shard, lacking
from kg.data.preparing.workers import make_together
from kg.data.store import Store
from kg.errors import KgError

Progress = Callable[[int, int], None]

PATIENCE = 1.0
"""Seconds that one process works alone, and that starting others takes: not worth it for twice as much."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        store: The store, made now or found.
        made: False if the store was there already, made with the same options.
        skipped: The shapes that were left out, as (id, reason).
        notes: What was left out of others, as (id, note).
    """

    store: Store
    made: bool
    skipped: Told
    notes: Told


@dataclass(frozen=True)
class Sharded:
    """What `prepare_shard` did.

    Attributes:
        shard: Which.
        shapes: How many of the store's shapes are its own.
        total: How many shapes the store has.
        skipped: Those of its own that were left out, as (id, reason).
        done: The store is there already, made with the same options: there was nothing to do.
    """

    shard: Shard
    shapes: int
    total: int
    skipped: Told
    done: bool = False


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came; `done` of `total` shapes are kept, and the same preparation goes on behind them."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__()
        self.done, self.total = done, total


def prepare(
    plan: Plan,
    *,
    force: bool = False,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
    on_wait: Callable[[], None] = lambda: None,
) -> Prepared:
    """Make a store, unless one made with the same options from the same files is there.

    The store appears when it is whole. What an interrupted preparation has done is kept beside it, and
    taken up by the next with the same options. The points are the same for the same seed, however many
    processes make them and however often they are interrupted.

    Args:
        plan: What is to be in it.
        force: Replace a store that was made with other options.
        workers: Processes at most. More than one asks of the calling script what the standard library's
            `multiprocessing` asks: that its own work is below `if __name__ == "__main__":`.
        progress: Called with (done, total): at first with what is done already, then after each shape.
        on_wait: Called once if another process is preparing the same store, and has to be waited for.

    Raises:
        KgError: A store with other options is there, a shape is broken and the plan is strict, a worker
            died, or the disk is full, or would be before the end.
        Interrupted: Ctrl-C came.
    """
    with full_disk_told(), alone(plan.path, on_wait):
        if plan.there and not force:
            return _found(Store(plan.there), plan)
        take_up(plan)
        check_room(plan)
        make_all(plan, workers, progress)
        skipped, notes = write_chunks(plan)
    return Prepared(Store(plan.path), made=True, skipped=skipped, notes=notes)


def prepare_shard(
    plan: Plan,
    shard: Shard,
    *,
    force: bool = False,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> Sharded:
    """Make the rows of one piece of a store, to be put together by `merge` when all pieces are made.

    No lock is held: pieces are made side by side, on as many machines as share the data folder, each as often
    as it takes. A shape whose reading kills a process twice is left out by name.

    Args:
        plan: The same for all pieces.
        shard: Which piece.
        force: A store that was made with other options is to be replaced in the end.
        workers: Processes at most.
        progress: As in `prepare`, of this piece.

    Raises:
        KgError, Interrupted: As `prepare`.
    """
    numbers = shard.numbers(plan.items, plan.dataset.by_object)
    if plan.there and not force:
        skipped = _found(Store(plan.there), plan).skipped
        return Sharded(shard, len(numbers), len(plan.items), skipped, done=True)
    with full_disk_told():
        plan.chunks.begin(shard.count)
        check_room(plan, len(numbers))
        made = len(numbers) - _left(plan, numbers)
        progress(made, len(numbers))
        try:
            gaps = _within(plan.chunks.missing(), numbers)
            with closing(make_together(plan.job, gaps, workers, tolerant=not plan.job.strict)) as done:
                for _ in done:
                    made = min(made + 1, len(numbers))
                    progress(made, len(numbers))
        except KeyboardInterrupt as error:
            raise Interrupted(len(numbers) - _left(plan, numbers), len(numbers)) from error
    own = {plan.items[number].id for number in numbers}
    left_out = [entry for chunk in plan.chunks.found() for entry in chunk.told("skipped") if entry[0] in own]
    return Sharded(shard, len(numbers), len(plan.items), left_out)


def prepare_on_cluster(
    plan: Plan,
    where: str,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
    on_wait: Callable[[], None] = lambda: None,
) -> Prepared:
    """Make a store by the workers of a Dask cluster; the result is that of `prepare`.

    A lock is held only while the store is written.

    Args:
        plan: Of the store.
        where: The cluster (see `kg.data.cluster.connected`).
        force: Replace a store that was made with other options.
        progress: As in `prepare`.
        on_wait: As in `prepare`.

    Raises:
        KgError, Interrupted: As `prepare`; or there is no such cluster, or a worker has another kg or sees
            other files.
    """
    if plan.there and not force:
        return _found(Store(plan.there), plan)
    total = len(plan.items)
    with full_disk_told():
        plan.path.parent.mkdir(parents=True, exist_ok=True)
        check_room(plan)
        made = _done(plan)
        progress(made, total)
        try:
            with closing(make_on_cluster(plan.job, plan.chunks.missing(), where)) as numbers:
                for _ in numbers:
                    made += 1
                    progress(made, total)
        except KeyboardInterrupt as error:
            raise Interrupted(_done(plan), total) from error
    return merge(plan, force=force, on_wait=on_wait)


def merge(plan: Plan, *, force: bool = False, on_wait: Callable[[], None] = lambda: None) -> Prepared:
    """Put the pieces of a store together that `prepare_shard` made; the result is that of `prepare`.

    Raises:
        KgError: A piece is missing, which is named, or a store with other options is there.
    """
    with full_disk_told(), alone(plan.path, on_wait):
        if plan.there and not force:
            return _found(Store(plan.there), plan)
        take_up(plan)
        _require_all(plan)
        check_room(plan)
        skipped, notes = write_chunks(plan)
    return Prepared(Store(plan.path), made=True, skipped=skipped, notes=notes)


def _require_all(plan: Plan) -> None:
    missing, counts = plan.chunks.missing(), plan.chunks.begun()
    if not missing:
        return
    shapes = f"{sum(map(len, missing))} of {len(plan.items)} shapes of {plan.category}"
    if not counts:
        raise KgError(
            f"{shapes} are not made yet, and no shard has begun with these options.",
            "Make each with --shard 1/N to N/N and all other options as they are here.",
        )
    lists = (lacking(missing, count, plan.items, plan.dataset.by_object) for count in counts)
    shards = min(lists, key=len)
    first = shards[0]
    raise KgError(
        f"{shapes} are not made yet; missing: shard {', '.join(map(str, shards))}.",
        f"Make it with the same options and --shard {first}, then merge again.",
    )


def take_up(plan: Plan) -> None:
    """Look through what an earlier preparation left."""
    plan.chunks.tidy()
    if plan.job.strict:
        for name, reason in (entry for chunk in plan.chunks.found() for entry in chunk.told("skipped")):
            raise KgError(f"{name}: {reason}")


def _within(gaps: Sequence[range], numbers: range) -> list[range]:
    """Return what gaps and numbers have in common."""
    cut = (range(max(gap.start, numbers.start), min(gap.stop, numbers.stop)) for gap in gaps)
    return [gap for gap in cut if gap]


def _left(plan: Plan, numbers: range) -> int:
    return sum(map(len, _within(plan.chunks.missing(), numbers)))


def _done(plan: Plan) -> int:
    return len(plan.items) - _left(plan, range(len(plan.items)))


def _found(store: Store, plan: Plan) -> Prepared:
    """Return the store that is there, if it was made as is wanted now."""
    # In whichever frame clouds are, a detector brings them into its own.
    options = {key: value for key, value in plan.made_from["options"].items() if key != "normalisation"}
    before = store.provenance.get("options", {})
    hint = "Replace it with --force, or keep both with --variant NAME."
    if changed := ", ".join(f"{key} {before.get(key)}" for key in options if before.get(key) != options[key]):
        raise KgError(f"{store.name} was prepared with other options ({changed}).", hint)
    if store.provenance.get("files") != plan.made_from["files"]:
        raise KgError(f"{store.name} was prepared before its files changed.", hint)
    skipped, notes = (
        [(name, text) for name, text in store.provenance.get(what, ())] for what in ("skipped", "notes")
    )
    return Prepared(store, made=False, skipped=skipped, notes=notes)


def make_all(plan: Plan, workers: int, progress: Progress) -> None:
    """Make every row that is missing.

    Raises:
        KgError: As `prepare`.
        Interrupted: Ctrl-C came.
    """
    try:
        _make_rows(plan.job, workers, progress)
    except KeyboardInterrupt as error:
        raise Interrupted(_done(plan), len(plan.items)) from error


def _make_rows(job: Job, workers: int, progress: Progress) -> None:
    """Make every row that is missing, alone at first, then with others if it takes long."""
    total = len(job.items)
    missing = job.chunks.missing()
    done = total - sum(map(len, missing))
    progress(done, total)
    started = since = time.monotonic()
    # The first shape loads libraries as well, and now and then one takes long: hence a median.
    latest: deque[float] = deque(maxlen=15)
    with closing(_one_by_one(job, missing)) as numbers:
        for _ in numbers:
            done += 1
            progress(done, total)
            latest.append(time.monotonic() - since)
            since = time.monotonic()
            left = statistics.median(latest) * (total - done)
            if workers > 1 and since - started > PATIENCE and left > 2 * PATIENCE:
                break
    if missing := job.chunks.missing():
        with closing(make_together(job, missing, workers)) as numbers:
            for _ in numbers:
                done += 1
                progress(done, total)


def _one_by_one(job: Job, missing: Sequence[range]) -> Generator[int, None, None]:
    for gap in missing:
        yield from job.make(gap)
