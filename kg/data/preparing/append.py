"""A store that grows: new shapes join it, what it has stays as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from kg.data.dataset import Item
from kg.data.disk import full_disk_told
from kg.data.lock import alone
from kg.data.preparing.chunks import Chunks, Common, Told, common_of, item_stamps, rows_of, told_of, widened
from kg.data.preparing.merge import even, file_name, without
from kg.data.preparing.plan import Plan
from kg.data.preparing.prepare import Prepared, Progress, make_all, prepare, take_up
from kg.data.preparing.room import check_room
from kg.data.preparing.rows import MOST
from kg.data.split import SPLITS, joining_by_frame, joining_by_object
from kg.data.store import Clouds, SplitBy, Store, write_store
from kg.errors import KgError

FREE = ("objects", "normalisation", "split")
"""Options that may differ from those that the store was begun with; the latter is compared by itself."""
BOTH: tuple[SplitBy, ...] = get_args(SplitBy)
OLDEST = "range"
"""The normalisation of stores from before it was an option."""


def append(
    plan: Plan,
    *,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
    on_wait: Callable[[], None] = lambda: None,
    on_items: Callable[[Sequence[Item]], None] = lambda items: None,
) -> Prepared:
    """Add the shapes of a plan to its store that this does not have yet; where there is no store, make it.

    The rows that are there stay as they are, in their splits; new ones come behind them. A new shape is
    sampled by a random stream of its id, and a new object is dealt to a split by its name: neither depends
    on what else is there, or on when it joins. Shapes that were left out before are tried again; files that
    are gone or have changed are of no matter to rows that were made of them. A store of several files gets
    another one; one file is written anew.

    Args:
        plan: All that the store is to have, old rows among them.
        workers: As in `prepare`.
        progress: As in `prepare`.
        on_wait: As in `prepare`.
        on_items: Called once with the shapes that will be made, before the work.

    Raises:
        KgError: As `prepare`; or the store was begun with other options, or old shapes are taken for frames
            of other objects now that others are there.
        Interrupted: Ctrl-C came.
    """
    with full_disk_told(), alone(plan.path, on_wait):
        if plan.there:
            store = Store(plan.there)
            grown = _growing(plan, store)
            on_items(grown.items)
            return _append(grown, store, plan.items, workers, progress)
    if split := plan.options.split:
        raise KgError(
            f"There is no store {plan.category} {plan.variant} whose {split} split could grow.",
            "Leave --append out, to make one.",
        )
    on_items(plan.items)
    return prepare(plan, workers=workers, progress=progress, on_wait=on_wait)


def _growing(plan: Plan, store: Store) -> Plan:
    """Return the plan of what a store lacks.

    Raises:
        KgError: As `append`.
    """
    options, before = plan.made_from["options"], store.provenance.get("options", {})
    hint = "Give the options that it was prepared with, or another --variant."
    changed = [key for key in options if key not in FREE and before.get(key) != options[key]]
    if before.get("normalisation", OLDEST) != options["normalisation"]:
        changed.append("normalisation")
    if changed:
        different = ", ".join(f"{key} {before.get(key, OLDEST)}" for key in changed)
        raise KgError(f"{store.name} was prepared with other options ({different}).", hint)
    objects, rests = store.read_column("objects"), store.rest_ids()
    known = dict(zip(store.read_column("ids"), zip(objects, rests, strict=True), strict=True))
    for item in plan.items:
        if item.id in known and known[item.id] != (item.object, item.rest_id or item.object):
            raise KgError(
                f"With the new files {item.id} would be a frame of {item.object}, at rest as "
                f"{item.rest_id or item.object}; in {store.name} it is of {' and '.join(known[item.id])}.",
                "Say what are frames of one object (--frames-of), or make the store anew with --force.",
            )
    items = _joining(plan, known)
    chunks = Chunks(
        plan.path.with_name(f".{plan.variant}.new-parts"), item_stamps(items), f"{plan.chunks.settings} by id"
    )
    return replace(plan, job=replace(plan.job, items=items, chunks=chunks, by_id=True))


def _joining(plan: Plan, known: Mapping[str, tuple[str, str]]) -> list[Item]:
    """Return the shapes that a store lacks: of new objects as many as make up the number that is wanted."""
    new = [item for item in plan.items if item.id not in known]
    if plan.options.objects is None:
        return new
    there = {thing for thing, _ in known.values()}
    joining = list(dict.fromkeys(item.object for item in new if item.object not in there))
    allowed = there.union(joining[: max(0, plan.options.objects - len(there))])
    return [item for item in new if item.object in allowed]


def _append(
    plan: Plan,
    store: Store,
    listed: Sequence[Item],
    workers: int,
    progress: Progress,
) -> Prepared:
    if not plan.items:
        return Prepared(store, made=False, skipped=_told(store, "skipped"), notes=_told(store, "notes"))
    take_up(plan)
    check_room(plan, besides=0 if store.path.is_dir() else store.size)
    make_all(plan, workers, progress)
    skipped, notes = told_of(plan.chunks.found())
    kept = without(plan.items, skipped)
    if not kept:
        plan.chunks.remove()
        return Prepared(store, made=False, skipped=skipped, notes=notes)
    _write(plan, store, listed, kept, skipped, notes)
    plan.chunks.remove()
    return Prepared(Store(store.path), made=True, skipped=skipped, notes=notes)


def _write(
    plan: Plan,
    store: Store,
    listed: Sequence[Item],
    kept: Sequence[Item],
    skipped: Told,
    notes: Told,
) -> None:
    retried = {item.id for item in plan.items}
    before = [entry for entry in _told(store, "skipped") if entry[0] not in retried]
    dealt_to = store.provenance.get("options", {}).get("split")
    appended = {"rows": len(kept), "command": plan.provenance()["command"], "versions": plan.versions}
    seed = plan.options.seed
    apart = store.path.is_dir()  # what joins is a file of its own
    codes = {by: [SPLITS[code] for code in store.splits(by).tolist()] for by in BOTH}
    known = dict(zip(store.read_column("objects"), codes["object"], strict=True))
    dealt = {
        "object": joining_by_object(kept, listed, known, seed, plan.options.split),
        "frame": joining_by_frame(kept, seed),
    }
    rest_ids = [item.rest_id or item.object for item in kept]
    number = len(store.files) + 1
    write_store(
        store.path / file_name(number) if apart else plan.chunks.folder / plan.path.name,
        even(_blocks(plan, store, apart)),
        {by: dealt[by] if apart else [*codes[by], *dealt[by]] for by in BOTH},
        dataset=plan.dataset.name,
        category=plan.category,
        variant=plan.variant,
        unit=store.unit,
        landmark_names={**store.landmark_names, **plan.dataset.landmark_names(plan.category)},
        rest_ids=rest_ids if apart else [*store.rest_ids(), *rest_ids],
        provenance={
            **store.provenance,
            **plan.made_from,
            "options": {**plan.made_from["options"], "split": dealt_to},
            "skipped": [*before, *skipped],
            "notes": [*_told(store, "notes"), *notes],
            "appended": [*store.provenance.get("appended", ()), appended],
        },
        part=(number, number) if apart else None,
    )
    if not apart:
        (plan.chunks.folder / plan.path.name).replace(store.path)


def _blocks(plan: Plan, store: Store, apart: bool) -> Iterator[Clouds]:
    """Yield the rows of a store, unless it is left apart, then those that join it, with the same arrays.

    Raises:
        KgError: The store has rest positions, which new shapes lack; or it is left apart, and they have other
            landmarks or motions.
    """
    made = plan.chunks.found()
    common = common_of(made)
    if store.has_rest_positions and not common.rest_positions:
        raise KgError(
            f"{store.name} says of each shape where it lies at rest, which is not known of all new ones.",
            "Prepare them as another --variant.",
        )
    common = Common(
        max(common.landmarks, store.landmark_count),
        store.has_rest_positions,
        store.has_motion and common.motion,
    )
    if apart and (common.landmarks, common.motion) != (store.landmark_count, store.has_motion):
        raise KgError(
            f"The new shapes have other landmarks or motions than {store.name}, a store of several files.",
            "Prepare them as another --variant, or make the store anew with --force.",
        )
    for first in range(0, 0 if apart else store.count, MOST):
        rows = store.read_rows(slice(first, first + MOST), motion=True)
        offset = rows.offset if rows.offset.ndim == 2 else np.repeat(rows.offset[:, None], 3, axis=1)
        yield widened(replace(rows, offset=offset), common)
    yield from rows_of(made, common)


def _told(store: Store, what: str) -> Told:
    return [(name, text) for name, text in store.provenance.get(what, ())]
