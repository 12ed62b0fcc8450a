"""Ball query: a block of centres passes over the cloud, its best so far sorted in registers."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from kg.ops.triton_kernels.distances import NOTHING, load_points, squared_distance, to_keys

LANES = 32
"""Lists sorted by a program are this long together, at least: a warp's."""


@triton.jit
def _kernel(
    points,
    centres,
    neighbours,
    squared_radius,
    size,
    queries,
    count,
    NEAREST: tl.constexpr,
    CENTRES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    cloud = tl.program_id(1).to(tl.int64)
    points += cloud * size * 3
    query = tl.program_id(0).to(tl.int64) * CENTRES + tl.arange(0, CENTRES)
    valid = query < queries
    cx, cy, cz = load_points(centres + cloud * queries * 3, query, valid)
    lane = tl.arange(0, BLOCK).to(tl.int64)
    best = tl.full((CENTRES, BLOCK), NOTHING, tl.int64)
    closest = tl.full((CENTRES, BLOCK), NOTHING, tl.int64)
    for first in range(0, size, BLOCK):
        index = first + lane
        inside = index < size
        px, py, pz = load_points(points, index, inside)
        distance = squared_distance(
            cx[:, None], cy[:, None], cz[:, None], px[None, :], py[None, :], pz[None, :]
        )
        by_distance = tl.where(inside[None, :], to_keys(distance, index[None, :]), NOTHING)
        closest = tl.minimum(closest, by_distance)
        keys = by_distance
        if not NEAREST:
            keys = tl.where(inside[None, :], index[None, :] + tl.zeros_like(best), NOTHING)
        keys = tl.where(distance <= squared_radius, keys, NOTHING)
        # The smaller of an ascending and a descending list, one by one, are the smallest of both.
        if tl.min(tl.min(keys, axis=1), axis=0) < NOTHING:
            best = tl.sort(tl.minimum(best, tl.sort(keys, descending=True)))
    nearest = tl.min(best, axis=1)
    nearest = tl.where(nearest == NOTHING, tl.min(closest, axis=1), nearest)
    best = tl.where(best == NOTHING, nearest[:, None], best) & 0xFFFFFFFF
    at = neighbours + (cloud * queries + query)[:, None] * count + lane[None, :]
    tl.store(at, best, mask=valid[:, None] & (lane < count)[None, :])


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    """See `kg.ops.ball_query`."""
    batch, size, _ = points.shape
    queries = centres.shape[1]
    neighbours = torch.empty((batch, queries, count), dtype=torch.int64, device=points.device)
    block = max(16, triton.next_power_of_2(count))
    # The fewer centres share a program, the fewer of its blocks have a point for any of them.
    together = max(1, LANES // block)
    if neighbours.numel():
        _kernel[(triton.cdiv(queries, together), batch)](
            points,
            centres,
            neighbours,
            radius**2,
            size,
            queries,
            count,
            NEAREST=nearest,
            CENTRES=together,
            BLOCK=block,
            num_warps=max(1, block // 64),
            enable_fp_fusion=False,
        )
    return neighbours
