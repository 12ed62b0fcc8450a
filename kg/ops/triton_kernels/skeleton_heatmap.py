"""The heat of a skeleton: a block of points meets one edge after the other, in registers."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from kg.ops.triton_kernels.distances import load_points

BLOCK = 128


@triton.jit
def _to_segment(px, py, pz, ax, ay, az, bx, by, bz):
    """Return what leads from a segment to a point, and where along the segment it starts."""
    ux, uy, uz = bx - ax, by - ay, bz - az
    x, y, z = px - ax, py - ay, pz - az
    length = tl.maximum(ux * ux + uy * uy + uz * uz, 1e-12)
    fraction = (x * ux + y * uy + z * uz) / length
    fraction = tl.where(fraction < 0, 0.0, tl.where(fraction > 1, 1.0, fraction))
    return x - fraction * ux, y - fraction * uy, z - fraction * uz, fraction


@triton.jit
def _forward(points, keypoints, edges, factor, heat, winner, size, count, BLOCK: tl.constexpr):
    cloud = tl.program_id(1).to(tl.int64)
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = point < size
    px, py, pz = load_points(points + cloud * size * 3, point, inside)
    keypoints += cloud * count * 3
    edges += cloud * (count * (count - 1) // 2)
    best = tl.full((BLOCK,), float("-inf"), tl.float32)
    best_edge = tl.zeros((BLOCK,), tl.int32)
    edge = 0
    for i in range(count - 1):
        ax, ay, az = (
            tl.load(keypoints + i * 3),
            tl.load(keypoints + i * 3 + 1),
            tl.load(keypoints + i * 3 + 2),
        )
        for j in range(i + 1, count):
            bx, by, bz = (
                tl.load(keypoints + j * 3),
                tl.load(keypoints + j * 3 + 1),
                tl.load(keypoints + j * 3 + 2),
            )
            x, y, z, _ = _to_segment(px, py, pz, ax, ay, az, bx, by, bz)
            value = tl.load(edges + edge) * tl.exp(factor * (x * x + y * y + z * z))
            # A heat that is not a number wins, and stays.
            better = ((value > best) | (value != value)) & (best == best)
            best = tl.where(better, value, best)
            best_edge = tl.where(better, edge, best_edge)
            edge += 1
    tl.store(heat + cloud * size + point, best, mask=inside)
    tl.store(winner + cloud * size + point, best_edge, mask=inside)


@triton.jit
def _backward(
    grad,
    points,
    keypoints,
    edges,
    winner,
    factor,
    ends,
    to_points,
    to_keypoints,
    to_edges,
    size,
    count,
    BLOCK: tl.constexpr,
):
    cloud = tl.program_id(1).to(tl.int64)
    total = count * (count - 1) // 2
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = point < size
    px, py, pz = load_points(points + cloud * size * 3, point, inside)
    edge = tl.load(winner + cloud * size + point, mask=inside, other=0).to(tl.int64)
    first, second = tl.load(ends + edge), tl.load(ends + total + edge)
    keypoints += cloud * count * 3
    ax, ay, az = load_points(keypoints, first, inside)
    bx, by, bz = load_points(keypoints, second, inside)
    x, y, z, fraction = _to_segment(px, py, pz, ax, ay, az, bx, by, bz)
    upstream = tl.load(grad + cloud * size + point, mask=inside, other=0.0)
    warmth = upstream * tl.exp(factor * (x * x + y * y + z * z))
    tl.atomic_add(to_edges + cloud * total + edge, warmth, mask=inside, sem="relaxed")
    push = 2 * factor * warmth * tl.load(edges + cloud * total + edge, mask=inside, other=0.0)
    at = to_points + (cloud * size + point) * 3
    tl.store(at, push * x, mask=inside)
    tl.store(at + 1, push * y, mask=inside)
    tl.store(at + 2, push * z, mask=inside)
    # Thousands of points share a few keypoints: sum within the block, add once.
    for k in range(count):
        share = tl.where(first == k, 1 - fraction, 0.0) + tl.where(second == k, fraction, 0.0)
        share = tl.where(inside, -push * share, 0.0)
        target = to_keypoints + (cloud * count + k) * 3
        tl.atomic_add(target, tl.sum(share * x, axis=0), sem="relaxed")
        tl.atomic_add(target + 1, tl.sum(share * y, axis=0), sem="relaxed")
        tl.atomic_add(target + 2, tl.sum(share * z, axis=0), sem="relaxed")


def skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, factor: float
) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.skeleton_heatmap`."""
    batch, size, _ = points.shape
    heat = points.new_empty((batch, size))
    winner = points.new_empty((batch, size), dtype=torch.int32)
    if heat.numel():
        grid = (triton.cdiv(size, BLOCK), batch)
        count = keypoints.shape[1]
        _forward[grid](points, keypoints, edges, factor, heat, winner, size, count, BLOCK=BLOCK, num_warps=4)
    return heat, winner


def skeleton_heatmap_backward(
    grad: Tensor, points: Tensor, keypoints: Tensor, edges: Tensor, winner: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See `torch_kernels.skeleton_heatmap_backward`."""
    batch, size, _ = points.shape
    count = keypoints.shape[1]
    grads = torch.empty_like(points), torch.zeros_like(keypoints), torch.zeros_like(edges)
    if grad.numel():
        ends = torch.triu_indices(count, count, 1, device=points.device)
        _backward[(triton.cdiv(size, BLOCK), batch)](
            grad,
            points,
            keypoints,
            edges,
            winner,
            factor,
            ends,
            *grads,
            size,
            count,
            BLOCK=BLOCK,
            num_warps=4,
        )
    return grads
