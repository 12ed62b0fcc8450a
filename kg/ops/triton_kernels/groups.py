"""The parts of `kg.ops.group_mlp_max` between the matrix products: gathering, maxima, and the way back."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

CHANNELS = 64
PIECE = 256
"""Groups whose pull on a weight is summed by one program."""


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
    groups, slope, index, chosen, count, channels, MEMBERS: tl.constexpr, CHANNELS: tl.constexpr
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
    tl.store(chosen + group * channels + channel, value, mask=inside)


@triton.jit
def _extremes_to_rows(total, index, pull, weight, count, width, channels, CHANNELS: tl.constexpr):
    group = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    total += group * count * channels + channel
    for d in range(width):
        share = tl.load(pull + group * width + d)
        at = total + tl.load(index + group * width + d).to(tl.int64) * channels
        step = share * tl.load(weight + d * channels + channel, mask=inside, other=0.0)
        tl.store(at, tl.load(at, mask=inside, other=0.0) + step, mask=inside)


@triton.jit
def _extremes_to_weight(
    rows,
    index,
    pull,
    output,
    groups,
    count,
    width,
    channels,
    PIECE: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    piece, d = tl.program_id(2).to(tl.int64), tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    total = tl.zeros((CHANNELS,), tl.float32)
    for group in range(piece * PIECE, tl.minimum(groups, (piece + 1) * PIECE)):
        share = tl.load(pull + group * width + d)
        member = tl.load(index + group * width + d).to(tl.int64)
        at = rows + (group * count + member) * channels + channel
        total += share * tl.load(at, mask=inside, other=0.0)
    tl.store(output + (piece * width + d) * channels + channel, total, mask=inside)


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
    chosen = groups.new_empty((total, channels))
    grid = (total, triton.cdiv(channels, CHANNELS))
    _group_extremes[grid](groups, slope, index, chosen, count, channels, **_sizes(count))
    return index, chosen


def extremes_backward(total: Tensor, rows: Tensor, index: Tensor, pull: Tensor, weight: Tensor) -> Tensor:
    """See `torch_kernels.extremes_backward`."""
    groups, count, channels = rows.shape
    width = len(weight)
    blocks, pieces = triton.cdiv(channels, CHANNELS), triton.cdiv(groups, PIECE)
    sizes = {"CHANNELS": CHANNELS, "num_warps": 2}
    output = weight.new_empty((pieces, *weight.shape))
    _extremes_to_weight[(width, blocks, pieces)](
        rows, index, pull, output, groups, count, width, channels, PIECE=PIECE, **sizes
    )
    output = output.sum(0)
    # Last: if anything fails before, the twin adds to a total that is as it was.
    _extremes_to_rows[(groups, blocks)](total, index, pull, weight, count, width, channels, **sizes)
    return output
