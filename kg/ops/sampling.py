"""Choosing points of a cloud."""

import torch
from torch import Tensor

from kg.ops.kernels import choose


def gather(values: Tensor, indices: Tensor) -> Tensor:
    """Return rows of each cloud.

    Args:
        values: (B, N, C), differentiable.
        indices: (B, ...) int64 in [0, N).

    Returns:
        (B, ..., C).
    """
    batch, size, channels = values.shape
    base = torch.arange(batch, device=values.device) * size
    flat = (indices + base.view(-1, *[1] * (indices.ndim - 1))).flatten()
    return values.reshape(-1, channels).index_select(0, flat).view(*indices.shape, channels)


def canonical_order(points: Tensor) -> Tensor:
    """Return the order (B, N) that sorts each cloud (B, N, 3) by x, then y, then z.

    Whatever is computed from the sorted cloud is a function of the set of points alone.
    """
    order = points[..., 2].argsort(dim=1, stable=True)
    for axis in (1, 0):
        order = order.gather(1, points[..., axis].gather(1, order).argsort(dim=1, stable=True))
    return order


def farthest_point_sample(points: Tensor, count: int, start: Tensor | None = None) -> Tensor:
    """Return indices (B, count): each next point is the one farthest from those already chosen.

    Every prefix of the result is the result for a smaller count. Of equally far points the one with the
    lowest index is taken; once every place is taken, index 0 comes again.

    Args:
        points: (B, N, 3).
        count: Points to choose, at most N.
        start: (B,) int64 indices of the first points; 0 by default.

    Raises:
        ValueError: `points` has another shape, or fewer than `count` points.
    """
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"points must be (B, N, 3), not {tuple(points.shape)}")
    if not 1 <= count <= points.shape[1]:
        raise ValueError(f"cannot choose {count} of {points.shape[1]} points")
    if start is None:
        start = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    chosen: Tensor = choose("farthest_point_sample", points.device).run(points.detach(), count, start)
    return chosen
