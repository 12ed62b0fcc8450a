"""What a store takes: bytes on the disk, and about how long."""

from dataclasses import dataclass

from kg.data.dataset import Dataset, PrepareOptions
from kg.data.disk import require_room
from kg.data.preparing.plan import Plan

POINT = 12
"""Bytes of a point, and of its rest position."""
BESIDES = 500
"""Bytes of a row besides: names, scale, landmarks."""
SEQUENCE, MADE, CLOUD = 10.0, 1.0, 0.02
"""Seconds of a core, roughly: to simulate a garment, to make one, to sample a cloud of 2,048 points."""


@dataclass(frozen=True)
class Estimate:
    """What a preparation comes to, roughly.

    Attributes:
        clouds: Rows.
        size: Bytes of the store.
        seconds: On so many processes as were asked about.
    """

    clouds: int
    size: int
    seconds: float


def estimate(
    dataset: Dataset, options: PrepareOptions, clouds: int, objects: int, workers: int = 1
) -> Estimate:
    """Return what so many clouds of so many objects come to, made by so many processes."""
    # Whoever deforms a mesh knows where it was at rest; of others it is known when they are read.
    rest = options.deform is not None or dataset.cloth
    size = clouds * (options.points * POINT * (2 if rest else 1) + BESIDES)
    seconds = clouds * CLOUD * options.points / 2048
    if options.deform is not None:
        seconds += objects * SEQUENCE
    if dataset.builtin:
        seconds += objects * MADE
    return Estimate(clouds, size, seconds / workers)


def check_room(plan: Plan, shard: int | None = None, besides: int = 0) -> None:
    """Refuse a preparation that the disk has no room for.

    Args:
        plan: The preparation; what is made of it already needs no room any more.
        shard: How many shapes are made here; by default all, and put together: the rows of a file lie on the
            disk twice until it is written.
        besides: Bytes that are written besides.

    Raises:
        FullDiskError: There is less room than that.
    """
    count = len(plan.items)
    a_row = estimate(plan.dataset, plan.options, 1, 1).size
    missing = sum(map(len, plan.chunks.missing()))
    rows = min(missing, shard) if shard is not None else missing + -(-count // plan.files)
    folder = plan.path.parent
    require_room(
        folder, rows * a_row + besides, f"{plan.category} ({count:,} clouds, {count * a_row / 1e9:.3g} GB)"
    )
