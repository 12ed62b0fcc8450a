"""`kg prepare --shard`, `--merge`, `--cluster`, and what a large preparation says of itself first."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from kg.cli.output import complain, note, progress, show, table
from kg.cli.sweep_progress import duration
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data import Dataset, Item, PrepareOptions
    from kg.data.preparing.plan import Plan
    from kg.data.preparing.prepare import Prepared, Sharded

LONG, LARGE = 120.0, 2e9
"""Seconds, bytes: what takes less is not worth an announcement."""


def announce(
    what: str, dataset: "Dataset", options: "PrepareOptions", items: "Sequence[Item]", workers: int
) -> None:
    """Say how many clouds there will be, how large the store and about how long it takes, if that is much."""
    from kg.data.preparing.room import estimate

    objects = len({item.object for item in items})
    said = estimate(dataset, options, len(items), objects, workers)
    if said.seconds > LONG or said.size > LARGE:
        processes = "1 process" if workers == 1 else f"{workers} processes"
        note(
            f"{escape(what)}: {said.clouds:,} clouds of {objects:,} objects, about {size(said.size)}, "
            f"roughly {duration(said.seconds)} in {processes}. Fewer with --objects; many machines: "
            "kg docs cluster"
        )


def size(count: float) -> str:
    """Return bytes as people say them."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """Say of a preparation that is interrupted how far it came, and that the same command goes on."""
    from kg.data.preparing.prepare import Interrupted

    try:
        yield
    except Interrupted as interrupted:
        note(
            f"{interrupted.done} of {interrupted.total} shapes of {escape(what)} are done; "
            "the same command goes on from there."
        )
        raise


def make_shard(
    plan: "Plan", text: str, *, force: bool, workers: int, told: "Callable[[Plan], None]"
) -> "Sharded":
    """Make one piece of a store."""
    from kg.data.preparing.prepare import prepare_shard
    from kg.data.preparing.shards import read_shard

    shard = read_shard(text)
    told(plan)
    with progress(f"Shard {shard} of {plan.category}") as advance, going_on(f"shard {shard}"):
        return prepare_shard(plan, shard, force=force, workers=workers, progress=advance)


def make_on_cluster(plan: "Plan", where: str, *, force: bool, on_wait: Callable[[], None]) -> "Prepared":
    """Make a store by a cluster."""
    from kg.data.preparing.prepare import prepare_on_cluster

    with progress(f"Preparing {plan.category} on {where}") as advance, going_on(plan.category):
        return prepare_on_cluster(plan, where, force=force, progress=advance, on_wait=on_wait)


def report_shards(
    dataset: "Dataset", made: "dict[str, Sharded]", failed: dict[str, KgError], as_json: bool
) -> None:
    """Show what was made of each category, and why others failed."""
    for category, error in failed.items():
        complain(f"{category}: {error.message}", error.hint)
    entries: list[dict[str, Any]] = [
        {
            "category": category,
            "shard": str(done.shard),
            "shapes": done.shapes,
            "total": done.total,
            "left_out": [{"id": name, "reason": reason} for name, reason in done.skipped],
            "merged": done.done,
        }
        for category, done in made.items()
    ]
    rows = [
        [entry["category"], entry["shard"], f"{entry['shapes']} of {entry['total']}", len(entry["left_out"])]
        for entry in entries
    ]
    for category, done in made.items():
        if done.done:
            note(f"{escape(category)} was prepared before, with the same options.")
        for name, reason in done.skipped if not done.done else ():
            note(f"[yellow]warning[/] {escape(category)}: left out {escape(name)}: {escape(reason)}")
    show(
        {"dataset": dataset.name, "shards": entries},
        as_json,
        table(f"Shards of {dataset.name}", ["category", "shard", "shapes", "left out"], rows),
        "When all shards are made: the same command with --merge in the place of --shard",
    )
