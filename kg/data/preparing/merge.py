"""The chunks of a preparation put together."""

import glob
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from kg.data.dataset import Item
from kg.data.preparing.chunks import Chunk, Common, Told, common_of, told_of, widened
from kg.data.preparing.plan import Plan
from kg.data.preparing.rows import MOST
from kg.data.split import split_by_frame, split_by_object
from kg.data.store import write_store
from kg.data.store_file import Clouds, joined
from kg.errors import KgError


def write_chunks(plan: Plan) -> tuple[Told, Told]:
    """Write the store of a plan whose chunks are all there, and remove them.

    The files have the same bytes however the rows were parted. Of several each one is written whole before
    the rows of its chunks are given up: an attempt that was cut short goes on behind the files it wrote.
    Returns the shapes that were left out, and what was left out of shapes (see
    `kg.data.preparing.prepare.Prepared`).

    Raises:
        KgError: All shapes were left out.
    """
    made = plan.chunks.found()
    skipped, notes = told_of(made)
    kept = without(plan.items, skipped)
    if not kept:
        plan.chunks.remove()
        raise KgError(f"None of the {len(plan.items)} shapes could be read; the first: {skipped[0][1]}")
    seed, common = plan.options.seed, common_of(made)
    by_object, by_frame = split_by_object(kept, seed, plan.options.split), split_by_frame(kept, seed)
    rest_ids = [item.rest_id or item.object for item in kept]
    counts = [chunk.last - chunk.first - len(chunk.told("skipped")) for chunk in made]
    new = plan.chunks.folder / plan.path.name if plan.files == 1 else _begun(plan)
    for number in range(plan.files):
        rows = slice(*(len(kept) * end // plan.files for end in (number, number + 1)))
        file = new if plan.files == 1 else new / file_name(number + 1)
        if plan.files > 1 and file.is_file():
            continue
        write_store(
            file,
            even(_between(made, counts, rows, common)),
            {"object": by_object[rows], "frame": by_frame[rows]},
            dataset=plan.dataset.name,
            category=plan.category,
            variant=plan.variant,
            unit=plan.dataset.unit,
            landmark_names=plan.dataset.landmark_names(plan.category),
            rest_ids=rest_ids[rows],
            provenance={**plan.provenance(), "skipped": skipped, "notes": notes},
            part=None if plan.files == 1 else (number + 1, plan.files),
        )
        end = 0
        for chunk, count in zip(made, counts, strict=True):
            end += count
            if plan.files > 1 and rows.start < end <= rows.stop:
                chunk.empty()
    _put(plan, new)
    plan.chunks.remove()
    return skipped, notes


def file_name(number: int) -> str:
    """Return the name of one of a store's files, counted from 1: in the order of names are the rows."""
    return f"{number:05d}.h5"


def _begun(plan: Plan) -> Path:
    """Return the folder of the files of a store to be; what others have begun with is removed."""
    folder = plan.path.with_name(f".{plan.variant}.files-{plan.files}-{plan.chunks.made_from()}")
    for other in plan.path.parent.glob(f".{glob.escape(plan.variant)}.files-*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)
    return folder


def _between(chunks: Sequence[Chunk], counts: Sequence[int], rows: slice, common: Common) -> Iterator[Clouds]:
    """Yield rows `rows.start` to `rows.stop` - 1 of all that chunks have, so many each."""
    first = 0
    for chunk, count in zip(chunks, counts, strict=True):
        start, stop = max(rows.start, first), min(rows.stop, first + count)
        if start < stop:
            yield _rows(widened(chunk.read(), common), slice(start - first, stop - first))
        first += count


def _put(plan: Plan, new: Path) -> None:
    """Put a store in its place, and remove the one that it replaces."""
    before = plan.there
    if before is not None and before.is_dir():
        before = before.rename(before.with_name(f".{plan.variant}.old-{secrets.token_hex(4)}"))
    new.replace(plan.path)
    if before is not None and before.is_dir():
        shutil.rmtree(before)
    elif before is not None and before != plan.path:
        before.unlink()


def even(blocks: Iterable[Clouds], size: int = MOST) -> Iterator[Clouds]:
    """Yield the same rows in blocks of `size`, but for the last: HDF5 lays text out as it is written."""
    waiting: list[Clouds] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        while count >= size:
            whole = joined(waiting)
            yield _rows(whole, slice(size))
            waiting = [_rows(whole, slice(size, None))]
            count -= size
    if count:
        yield joined(waiting)


def _rows(clouds: Clouds, rows: slice) -> Clouds:
    values = {item.name: getattr(clouds, item.name) for item in fields(Clouds)}
    return replace(clouds, **{name: value[rows] for name, value in values.items() if value is not None})


def without(items: Sequence[Item], skipped: Told) -> list[Item]:
    """Return the shapes that were not left out."""
    left_out = {name for name, _ in skipped}
    return [item for item in items if item.id not in left_out]
