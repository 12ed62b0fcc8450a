"""The chunks of a preparation put together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from kg.data.dataset import Item
from kg.data.preparing.chunks import Told, common_of, rows_of, told_of
from kg.data.preparing.plan import Plan
from kg.data.preparing.rows import MOST
from kg.data.split import split_by_frame, split_by_object
from kg.data.store import Clouds, write_store
from kg.errors import KgError


def write_chunks(plan: Plan) -> tuple[Told, Told]:
    """Write the store of a plan whose chunks are all there, and remove them.

    The file has the same bytes however the rows were parted. Returns the shapes that were left out, and what
    was left out of shapes (see `kg.data.preparing.prepare.Prepared`).

    Raises:
        KgError: All shapes were left out.
    """
    made = plan.chunks.found()
    skipped, notes = told_of(made)
    kept = without(plan.items, skipped)
    if not kept:
        plan.chunks.remove()
        raise KgError(f"None of the {len(plan.items)} shapes could be read; the first: {skipped[0][1]}")
    seed = plan.options.seed
    write_store(
        plan.chunks.folder / plan.path.name,
        even(rows_of(made, common_of(made))),
        {"object": split_by_object(kept, seed), "frame": split_by_frame(kept, seed)},
        dataset=plan.dataset.name,
        category=plan.category,
        variant=plan.variant,
        unit=plan.dataset.unit,
        landmark_names=plan.dataset.landmark_names(plan.category),
        rest_ids=[item.rest_id or item.object for item in kept],
        provenance={**plan.provenance(), "skipped": skipped, "notes": notes},
    )
    (plan.chunks.folder / plan.path.name).replace(plan.path)
    plan.chunks.remove()
    return skipped, notes


def even(blocks: Iterable[Clouds], size: int = MOST) -> Iterator[Clouds]:
    """Yield the same rows in blocks of `size`, but for the last: HDF5 lays text out as it is written."""
    waiting: list[Clouds] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        while count >= size:
            joined = _joined(waiting)
            yield _rows(joined, slice(size))
            waiting = [_rows(joined, slice(size, None))]
            count -= size
    if count:
        yield _joined(waiting)


def _joined(blocks: Sequence[Clouds]) -> Clouds:
    values: dict[str, Any] = {}
    for item in fields(Clouds):
        columns = [getattr(block, item.name) for block in blocks]
        if isinstance(columns[0], list):
            values[item.name] = [value for column in columns for value in column]
        else:
            values[item.name] = None if columns[0] is None else np.concatenate(columns)
    return Clouds(**values)


def _rows(clouds: Clouds, rows: slice) -> Clouds:
    values = {item.name: getattr(clouds, item.name) for item in fields(Clouds)}
    return replace(clouds, **{name: value[rows] for name, value in values.items() if value is not None})


def without(items: Sequence[Item], skipped: Told) -> list[Item]:
    """Return the shapes that were not left out."""
    left_out = {name for name, _ in skipped}
    return [item for item in items if item.id not in left_out]
