"""Farthest point sampling: one program a cloud, whose distances never leave the chip."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from kg.ops.triton_kernels.distances import load_points, squared_distance, to_keys

COORDINATES_HELD = 8192
"""Points up to which coordinates stay in registers beside the distances; beyond, the caches serve them."""


@triton.jit
def _kernel(points, start, indices, size, count, BLOCK: tl.constexpr, HELD: tl.constexpr):
    cloud = tl.program_id(0).to(tl.int64)
    points += cloud * size * 3
    indices += cloud * count
    lane = tl.arange(0, BLOCK)
    inside = lane < size
    # The complement makes the lowest index of equal distances the largest key, for one reduction of 64 bits.
    complement = (~lane).to(tl.int64) & 0xFFFFFFFF
    distances = tl.where(inside, float("inf"), -1.0)
    latest = tl.load(start + cloud).to(tl.int32)
    if HELD:
        x, y, z = load_points(points, lane, inside)
    for step in range(count):
        tl.store(indices + step, latest.to(tl.int64))
        px, py, pz = (
            tl.load(points + latest * 3),
            tl.load(points + latest * 3 + 1),
            tl.load(points + latest * 3 + 2),
        )
        if not HELD:
            x, y, z = load_points(points, lane, inside)
        distance = squared_distance(x, y, z, px, py, pz)
        distances = tl.where(inside, tl.minimum(distances, distance), -1.0)
        latest = ~tl.max(to_keys(distances, complement), axis=0).to(tl.int32)


def farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    """See `kg.ops.farthest_point_sample`."""
    batch, size, _ = points.shape
    indices = torch.empty((batch, count), dtype=torch.int64, device=points.device)
    if batch:
        block = max(128, triton.next_power_of_2(size))
        _kernel[(batch,)](
            points,
            start,
            indices,
            size,
            count,
            BLOCK=block,
            HELD=block <= COORDINATES_HELD,
            num_warps=min(32, max(4, block // 1024)),
            enable_fp_fusion=False,
        )
    return indices
