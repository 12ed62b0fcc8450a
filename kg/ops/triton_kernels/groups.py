"""The parts of `kg.ops.group_mlp_max` between the matrix products: gathering, maxima, and the way back."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

CHANNELS = 64
BLOCK = 32
"""Rows and columns that the way back from maxima multiplies at a time.

The pulls are spread out to matrices in registers. 1/k of a product counts, and still that is faster than one
pull after the other. Twice as large blocks win a fifth where layers are wide, but need more shared memory
than most GPUs have.
"""
PIECE = 1024
"""Rows whose pull on a weight is summed by one program."""


@triton.jit
def _group_rows(
    points, centres, members, output, count, channels, MEMBERS: tl.constexpr, CHANNELS: tl.constexpr
):
    group = tl.program_id(0).to(tl.int64)
    k = tl.arange(0, MEMBERS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (k < count)[:, None] & inside[None, :]
    member = tl.load(members + group * count + k, mask=k < count, other=0)
    centre = tl.load(centres + group * channels + channel, mask=inside, other=0.0)
    values = tl.load(points + member[:, None] * channels + channel[None, :], mask=mask, other=0.0)
    at = (group * count + k)[:, None] * channels + channel[None, :]
    tl.store(output + at, values - centre[None, :], mask=mask)


@triton.jit
def _group_rows_backward(
    grad, members, total, centres, count, channels, MEMBERS: tl.constexpr, CHANNELS: tl.constexpr
):
    group = tl.program_id(0).to(tl.int64)
    k = tl.arange(0, MEMBERS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (k < count)[:, None] & inside[None, :]
    member = tl.load(members + group * count + k, mask=k < count, other=0)
    at = (group * count + k)[:, None] * channels + channel[None, :]
    upstream = tl.load(grad + at, mask=mask, other=0.0)
    tl.atomic_add(total + member[:, None] * channels + channel[None, :], upstream, mask=mask, sem="relaxed")
    tl.store(centres + group * channels + channel, -tl.sum(upstream, axis=0), mask=inside)


@triton.jit
def _group_extremes(
    groups, slope, index, extremes, count, channels, MEMBERS: tl.constexpr, CHANNELS: tl.constexpr
):
    group = tl.program_id(0).to(tl.int64)
    k = tl.arange(0, MEMBERS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (k < count)[:, None] & inside[None, :]
    falling = tl.load(slope + channel, mask=inside, other=0.0) < 0
    at = (group * count + k)[:, None] * channels + channel[None, :]
    values = tl.load(groups + at, mask=mask, other=0.0)
    # The place of a maximum is undefined beside a NaN, so a NaN is made the largest.
    score = tl.where(values != values, float("inf"), tl.where(falling[None, :], -values, values))
    score = tl.where(mask, score, float("-inf"))
    best = tl.argmax(score, axis=0, tie_break_left=True)
    value = tl.load(groups + (group * count + best) * channels + channel, mask=inside)
    tl.store(index + group * channels + channel, best, mask=inside)
    tl.store(extremes + group * channels + channel, value, mask=inside)


@triton.jit
def _spread(index, pull, row, d, rows, count, width):
    """Return the pulls on members' rows in channels d: that on a group's winner, 0 on all others."""
    group, member = (row // count).to(tl.int64), row % count
    at, mask = group[:, None] * width + d[None, :], (row < rows)[:, None] & (d < width)[None, :]
    won = tl.load(index + at, mask=mask, other=-1) == member[:, None]
    return tl.where(won, tl.load(pull + at, mask=mask, other=0.0), 0.0)


@triton.jit
def _extremes_to_rows(
    total,
    index,
    pull,
    weight,
    rows,
    count,
    width,
    channels,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    step = tl.zeros((ROWS, CHANNELS), tl.float32)
    for first in range(0, width, WIDTH):
        d = first + tl.arange(0, WIDTH)
        pulled = _spread(index, pull, row, d, rows, count, width)
        mask = (d < width)[:, None] & inside[None, :]
        weights = tl.load(weight + d[:, None] * channels + channel[None, :], mask=mask, other=0.0)
        step = tl.dot(pulled, weights, step, input_precision="ieee")
    at = total + row.to(tl.int64)[:, None] * channels + channel[None, :]
    mask = (row < rows)[:, None] & inside[None, :]
    tl.store(at, tl.load(at, mask=mask, other=0.0) + step, mask=mask)


@triton.jit
def _extremes_to_weight(
    inputs,
    index,
    pull,
    output,
    rows,
    count,
    width,
    channels,
    PIECE: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    piece = tl.program_id(2)
    d = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    total = tl.zeros((WIDTH, CHANNELS), tl.float32)
    for first in range(piece * PIECE, tl.minimum(rows, (piece + 1) * PIECE), ROWS):
        row = first + tl.arange(0, ROWS)
        pulled = _spread(index, pull, row, d, rows, count, width)
        mask = (row < rows)[:, None] & inside[None, :]
        values = tl.load(
            inputs + row.to(tl.int64)[:, None] * channels + channel[None, :], mask=mask, other=0.0
        )
        total = tl.dot(tl.trans(pulled), values, total, input_precision="ieee")
    at = output + (piece.to(tl.int64) * width + d)[:, None] * channels + channel[None, :]
    tl.store(at, total, mask=(d < width)[:, None] & inside[None, :])


def _sizes(count: int) -> dict[str, int]:
    return {"MEMBERS": triton.next_power_of_2(count), "CHANNELS": CHANNELS, "num_warps": 4}


def group_rows(points: Tensor, centres: Tensor, members: Tensor) -> Tensor:
    """See `torch_kernels.group_rows`."""
    groups, count = members.shape
    channels = points.shape[1]
    output = points.new_empty((groups, count, channels))
    grid = (groups, triton.cdiv(channels, CHANNELS))
    _group_rows[grid](points, centres, members, output, count, channels, **_sizes(count))
    return output


def group_rows_backward(grad: Tensor, members: Tensor, total: Tensor) -> Tensor:
    """See `torch_kernels.group_rows_backward`."""
    groups, count, channels = grad.shape
    centres = grad.new_empty((groups, channels))
    grid = (groups, triton.cdiv(channels, CHANNELS))
    _group_rows_backward[grid](grad, members, total, centres, count, channels, **_sizes(count))
    return centres


def group_extremes(groups: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.group_extremes`."""
    total, count, channels = groups.shape
    index = torch.empty((total, channels), dtype=torch.int32, device=groups.device)
    extremes = groups.new_empty((total, channels))
    grid = (total, triton.cdiv(channels, CHANNELS))
    _group_extremes[grid](groups, slope, index, extremes, count, channels, **_sizes(count))
    return index, extremes


def extremes_backward(total: Tensor, rows: Tensor, index: Tensor, pull: Tensor, weight: Tensor) -> Tensor:
    """See `torch_kernels.extremes_backward`."""
    groups, count, channels = rows.shape
    width = len(weight)
    every = groups * count
    blocks, pieces = triton.cdiv(channels, BLOCK), triton.cdiv(every, PIECE)
    sizes = {"ROWS": BLOCK, "WIDTH": BLOCK, "CHANNELS": BLOCK, "num_warps": 4}
    output = weight.new_empty((pieces, *weight.shape))
    _extremes_to_weight[(triton.cdiv(width, BLOCK), blocks, pieces)](
        rows, index, pull, output, every, count, width, channels, PIECE=PIECE, **sizes
    )
    output = output.sum(0)
    # Last: if anything fails before, the twin adds to a total that is as it was.
    _extremes_to_rows[(triton.cdiv(every, BLOCK), blocks)](
        total, index, pull, weight, every, count, width, channels, **sizes
    )
    return output
