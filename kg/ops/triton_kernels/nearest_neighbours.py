"""The nearest points of each query, blocked over both clouds: no table of all distances is made.

With one neighbour it serves the Chamfer distance, with three the interpolation.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from kg.ops.triton_kernels.ball_query import ball_query
from kg.ops.triton_kernels.distances import NOTHING, load_points, squared_distance, to_keys

QUERIES, BLOCK = 16, 64
"""Queries a program, and points compared with them at a time."""


@triton.jit
def _kernel(
    queries,
    points,
    neighbours,
    total,
    size,
    COUNT: tl.constexpr,
    QUERIES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    cloud = tl.program_id(1).to(tl.int64)
    points += cloud * size * 3
    query = tl.program_id(0).to(tl.int64) * QUERIES + tl.arange(0, QUERIES)
    valid = query < total
    qx, qy, qz = load_points(queries + cloud * total * 3, query, valid)
    lane = tl.arange(0, BLOCK).to(tl.int64)
    # Each lane keeps the best of the points that it meets; the lanes are compared once, at the end.
    one = tl.full((QUERIES, BLOCK), NOTHING, tl.int64)
    two, three = one, one
    for first in range(0, size, BLOCK):
        index = first + lane
        inside = index < size
        px, py, pz = load_points(points, index, inside)
        distance = squared_distance(
            qx[:, None], qy[:, None], qz[:, None], px[None, :], py[None, :], pz[None, :]
        )
        key = tl.where(inside[None, :], to_keys(distance, index[None, :]), NOTHING)
        if COUNT == 1:
            one = tl.minimum(one, key)
        else:
            later = tl.maximum(one, key)
            one = tl.minimum(one, key)
            last = tl.maximum(two, later)
            two = tl.minimum(two, later)
            three = tl.minimum(three, last)
    at = neighbours + (cloud * total + query) * COUNT
    for rank in tl.static_range(COUNT):
        smallest = tl.min(one, axis=1)
        tl.store(at + rank, smallest & 0xFFFFFFFF, mask=valid)
        taken = one == smallest[:, None]
        one = tl.where(taken, two, one)
        two = tl.where(taken, three, two)


def nearest_neighbours(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """See `kg.ops.nearest_neighbours`."""
    if count > 3:
        return ball_query(points, queries, float("inf"), count, nearest=True)
    batch, total, _ = queries.shape
    neighbours = torch.empty((batch, total, count), dtype=torch.int64, device=points.device)
    if neighbours.numel():
        _kernel[(triton.cdiv(total, QUERIES), batch)](
            queries,
            points,
            neighbours,
            total,
            points.shape[1],
            COUNT=count,
            QUERIES=QUERIES,
            BLOCK=BLOCK,
            num_warps=4,
            enable_fp_fusion=False,
        )
    return neighbours
