"""Whether the disk has room for what is prepared."""

from kg.data.disk import require_room
from kg.data.preparing.plan import Plan
from kg.data.preparing.size import estimate


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
