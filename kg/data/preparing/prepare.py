"""From a data set's shapes to a prepared store."""

import json
import platform
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kg
from kg import paths
from kg.data.dataset import Dataset, Item, PrepareOptions
from kg.data.disk import full_disk_told
from kg.data.lock import alone
from kg.data.preparing.parts import Parts, Told, digest, item_stamps, rows_of
from kg.data.preparing.rows import Job
from kg.data.preparing.workers import make_together
from kg.data.read import require_utf8
from kg.data.split import split_by_frame, split_by_object
from kg.data.store import Store, write_store
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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came; `done` of `total` shapes are kept, and the same preparation goes on behind them."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__()
        self.done, self.total = done, total


def prepare(
    dataset: Dataset,
    category: str,
    raw: Path,
    options: PrepareOptions,
    *,
    variant: str | None = None,
    force: bool = False,
    strict: bool = False,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
    on_wait: Callable[[], None] = lambda: None,
    on_items: Callable[[Sequence[Item]], None] = lambda items: None,
) -> Prepared:
    """Make the store of a category, unless one made with the same options from the same files is there.

    The store appears when it is whole. What an interrupted preparation has done is kept beside it, and
    taken up by the next with the same options. The points are the same for the same seed, however many
    processes make them and however often they are interrupted.

    Args:
        dataset: Where the shapes come from.
        category: One of its categories.
        raw: Its raw folder (of no matter to a built-in data set).
        options: Points, objects, seed.
        variant: Name of the store; the data set's own by default.
        force: Replace a store that was made with other options.
        strict: Stop at a broken shape instead of leaving it out.
        workers: Processes at most. More than one asks of the calling script what the standard library's
            `multiprocessing` asks: that its own work is below `if __name__ == "__main__":`.
        progress: Called with (done, total): at first with what is done already, then after each shape.
        on_wait: Called once if another process is preparing the same store, and has to be waited for.
        on_items: Called once with all shapes to be, before the work.

    Raises:
        KgError: Nothing can be prepared, a store with other options is there, a shape is broken and
            `strict` is set, a worker died, or the disk is full.
        Interrupted: Ctrl-C came.
    """
    variant = variant or dataset.variant
    path = paths.store(dataset.name, category, variant)
    items = _items(dataset, category, raw, options)
    on_items(items)
    stamps = item_stamps(items)
    made_from = {
        "options": {**asdict(options), "raw": "" if dataset.builtin else str(raw.resolve())},
        "files": digest("\n".join(stamps).encode()),
    }
    versions = {"kg": kg.__version__, "numpy": np.__version__, "python": platform.python_version()}
    settings = json.dumps([dataset.name, category, made_from["options"], versions])
    with full_disk_told(), alone(path, on_wait):
        if path.exists() and not force:
            return _found(Store(path), made_from)
        parts = Parts(path.with_name(f".{variant}.parts"), stamps, settings)
        parts.tidy()
        if strict:
            _refuse([entry for part in parts.found() for entry in part.told("skipped")])
        job = Job(
            dataset, items, parts, options.points, options.seed, strict, options.camera, options.normalisation
        )
        try:
            _make(job, workers, progress)
        except KeyboardInterrupt as error:
            raise Interrupted(len(items) - sum(map(len, parts.missing())), len(items)) from error
        made = parts.found()
        skipped = [entry for part in made for entry in part.told("skipped")]
        notes = [entry for part in made for entry in part.told("notes")]
        kept = _kept(items, skipped)
        if not kept:
            parts.remove()
            raise KgError(f"None of the {len(items)} shapes could be read; the first: {skipped[0][1]}")
        write_store(
            parts.folder / path.name,
            rows_of(made),
            {
                "object": split_by_object(kept, options.seed),
                "frame": split_by_frame(kept, options.seed),
            },
            dataset=dataset.name,
            category=category,
            variant=variant,
            unit=dataset.unit,
            landmark_names=dataset.landmark_names(category),
            rest_ids=[item.rest_id or item.object for item in kept],
            provenance={
                "source": dataset.url or dataset.title,
                "licence": dataset.licence,
                "command": " ".join(["kg", *sys.argv[1:]]),
                **made_from,
                "skipped": skipped,
                "notes": notes,
                "versions": versions,
            },
        )
        (parts.folder / path.name).replace(path)
        parts.remove()
    return Prepared(Store(path), made=True, skipped=skipped, notes=notes)


def _items(dataset: Dataset, category: str, raw: Path, options: PrepareOptions) -> list[Item]:
    items = _chosen(dataset.items(category, raw, options), options)
    if not items:
        raise KgError(
            f"{dataset.name} has no shapes of the category '{category}' in {raw}.",
            f"Known: {', '.join(dataset.find_categories(raw)) or 'none'}.",
        )
    name, times = Counter(item.id for item in items).most_common(1)[0]
    if times > 1:
        raise KgError(f"The id '{name}' names {times} shapes; ids must be unique.")
    require_utf8(name for item in items for name in (item.id, item.object))
    return items


def _chosen(items: Sequence[Item], options: PrepareOptions) -> list[Item]:
    """Return the items of as many objects as were asked for, drawn at random, in their order."""
    names = sorted({item.object for item in items})
    if options.objects is None or len(names) <= options.objects:
        return list(items)
    drawn = np.random.default_rng([options.seed, len(names)]).permutation(len(names))[: options.objects]
    kept = {names[number] for number in drawn}
    return [item for item in items if item.object in kept]


def _found(store: Store, made_from: dict[str, Any]) -> Prepared:
    """Return the store that is there, if it was made as is wanted now."""
    # In whichever frame clouds are, a detector brings them into its own.
    wanted = {key: value for key, value in made_from["options"].items() if key != "normalisation"}
    before = store.provenance.get("options", {})
    hint = "Replace it with --force, or keep both with --variant NAME."
    if changed := ", ".join(f"{key} {before.get(key)}" for key in wanted if before.get(key) != wanted[key]):
        raise KgError(f"{store.name} was prepared with other options ({changed}).", hint)
    if store.provenance.get("files") != made_from["files"]:
        raise KgError(f"{store.name} was prepared before its files changed.", hint)
    skipped, notes = (
        [(name, text) for name, text in store.provenance.get(what, ())] for what in ("skipped", "notes")
    )
    return Prepared(store, made=False, skipped=skipped, notes=notes)


def _make(job: Job, workers: int, progress: Progress) -> None:
    """Make every row that is missing, alone at first, then with others if it takes long."""
    total = len(job.items)
    missing = job.parts.missing()
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
    if missing := job.parts.missing():
        with closing(make_together(job, missing, workers)) as numbers:
            for _ in numbers:
                done += 1
                progress(done, total)


def _one_by_one(job: Job, missing: Sequence[range]) -> Generator[int, None, None]:
    for gap in missing:
        yield from job.make(gap)


def _refuse(skipped: Sequence[tuple[str, str]]) -> None:
    """Raise the error of the first shape that an earlier preparation left out."""
    for name, reason in skipped:
        raise KgError(f"{name}: {reason}")


def _kept(items: Sequence[Item], skipped: Sequence[tuple[str, str]]) -> list[Item]:
    left_out = {name for name, _ in skipped}
    return [item for item in items if item.id not in left_out]
