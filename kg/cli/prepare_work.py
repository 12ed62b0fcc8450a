"""The ways in which `kg prepare` has a store made, each with its progress."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kg.cli.output import note, progress
from kg.cli.sweep_progress import duration

if TYPE_CHECKING:
    from kg.data import Dataset, Item, PrepareOptions
    from kg.data.preparing.plan import Plan
    from kg.data.preparing.prepare import Prepared, Sharded
    from kg.data.preparing.shards import Shard

LONG, LARGE = 120.0, 2e9
"""Seconds, bytes: what takes less is not worth an announcement."""


@dataclass(frozen=True)
class Work:
    """Who makes a store, and what becomes of one that is there.

    At most one of `shard`, `merge`, `cluster` and `append` is set.

    Attributes:
        workers: Processes here.
        force: Replace a store that was made with other options.
        append: Add to the store that is there.
        shard: Make this piece alone.
        merge: Put the pieces together.
        cluster: Have the workers of this Dask cluster make it.
    """

    workers: int
    force: bool = False
    append: bool = False
    shard: "Shard | None" = None
    merge: bool = False
    cluster: str | None = None


def make_shard(plan: "Plan", shard: "Shard", work: Work) -> "Sharded":
    """Make one piece of a store."""
    from kg.data.preparing.prepare import prepare_shard

    _tell(plan, plan.items)
    with progress(f"Shard {shard} of {plan.category}") as advance, _going_on(f"shard {shard}"):
        return prepare_shard(plan, shard, force=work.force, workers=work.workers, progress=advance)


def make_store(plan: "Plan", work: Work) -> "Prepared":
    """Make a whole store."""
    from kg.data.preparing.append import append
    from kg.data.preparing.prepare import merge, prepare, prepare_on_cluster

    category, on_wait = plan.category, partial(_wait, plan.category)
    if work.merge:
        return merge(plan, force=work.force, on_wait=on_wait)
    if work.cluster:
        _tell(plan, plan.items)
        with progress(f"Preparing {category} on {work.cluster}") as advance, _going_on(category):
            return prepare_on_cluster(plan, work.cluster, force=work.force, progress=advance, on_wait=on_wait)
    with progress(f"Preparing {category}") as advance, _going_on(category):
        report = _with_rate(category, advance)
        if work.append:
            return append(
                plan,
                workers=work.workers,
                progress=report,
                on_wait=on_wait,
                on_items=lambda items: _tell_all(plan, items, work.workers),
            )
        _tell_all(plan, plan.items, work.workers)
        return prepare(plan, force=work.force, workers=work.workers, progress=report, on_wait=on_wait)


def _tell(plan: "Plan", items: "Sequence[Item]") -> None:
    """Say what a category's files were taken for."""
    for number, line in enumerate(plan.dataset.understood(items, plan.options)):
        note(line if number else f"{plan.category}: {line}")


def _tell_all(plan: "Plan", items: "Sequence[Item]", workers: int) -> None:
    """Say what a category's files were taken for, and what is to come of them if that is much."""
    _tell(plan, items)
    announce(plan.category, plan.dataset, plan.options, items, workers)


def _wait(category: str) -> None:
    note(f"Waiting for another kg that is preparing {category}.")


def _with_rate(category: str, advance: Callable[..., None]) -> Callable[[int, int], None]:
    """Return a progress function that shows the rate too, of what this run has done."""
    first, started = -1, time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal first
        if first < 0:
            first = done
            if done:
                note(f"Going on with {category}: {done} of {total} shapes were done.")
        rate = (done - first) / max(time.monotonic() - started, 1e-9)
        advance(done, total, f"{rate:.1f} shapes/s" if done > first else "")

    return report


def announce(
    what: str, dataset: "Dataset", options: "PrepareOptions", items: "Sequence[Item]", workers: int
) -> None:
    """Say how many clouds there will be, how large the store and about how long it takes, if that is much."""
    from kg.data.preparing.size import estimate

    objects = len({item.object for item in items})
    expected = estimate(dataset, options, len(items), objects, workers)
    if expected.seconds > LONG or expected.size > LARGE:
        processes = "1 process" if workers == 1 else f"{workers} processes"
        note(
            f"{what}: {expected.clouds:,} clouds of {objects:,} objects, about {size(expected.size)}, "
            f"roughly {duration(expected.seconds)} in {processes}. Fewer with --objects; many machines: "
            "kg docs cluster"
        )


def size(count: float) -> str:
    """Return bytes as people say them."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Say of a preparation that is interrupted how far it came, and that the same command goes on."""
    from kg.data.preparing.prepare import Interrupted

    try:
        yield
    except Interrupted as interrupted:
        note(
            f"{interrupted.done} of {interrupted.total} shapes of {what} are done; "
            "the same command goes on from there."
        )
        raise
