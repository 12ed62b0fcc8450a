"""The largest values of each neighbourhood, and the way back, where sums are atomic."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS, CHANNELS = 16, 64


@triton.jit
def _forward(
    values,
    members,
    largest,
    winners,
    size,
    count,
    channels,
    ranks,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    cloud = tl.program_id(2).to(tl.int64)
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside, mask = row < count, (row < count)[:, None] & (channel < channels)[None, :]
    at = (cloud * count + row) * ranks
    first = tl.load(members + at, mask=inside, other=0)
    best = tl.load(
        values + (cloud * size + first)[:, None] * channels + channel[None, :], mask=mask, other=0.0
    )
    who = tl.broadcast_to(first.to(tl.int32)[:, None], (ROWS, CHANNELS))
    for rank in range(1, ranks):
        index = tl.load(members + at + rank, mask=inside, other=0)
        value = tl.load(
            values + (cloud * size + index)[:, None] * channels + channel[None, :], mask=mask, other=0.0
        )
        larger = value > best
        best = tl.where(larger, value, best)
        who = tl.where(larger, index.to(tl.int32)[:, None], who)
    target = (cloud * count + row)[:, None] * channels + channel[None, :]
    tl.store(largest + target, best, mask=mask)
    tl.store(winners + target, who, mask=mask)


@triton.jit
def _backward(grad, winners, output, size, count, channels, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    cloud = tl.program_id(2).to(tl.int64)
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    mask = (row < count)[:, None] & (channel < channels)[None, :]
    source = (cloud * count + row)[:, None] * channels + channel[None, :]
    winner = tl.load(winners + source, mask=mask, other=0).to(tl.int64)
    upstream = tl.load(grad + source, mask=mask, other=0.0)
    target = output + (cloud * size + winner) * channels + channel[None, :]
    tl.atomic_add(target, upstream, mask=mask, sem="relaxed")


def _grid(batch: int, count: int, channels: int) -> tuple[int, int, int]:
    return triton.cdiv(count, ROWS), triton.cdiv(channels, CHANNELS), batch


def neighbour_max(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.neighbour_max`."""
    batch, count, ranks = members.shape
    size, channels = values.shape[1:]
    largest = values.new_empty((batch, count, channels))
    winners = torch.empty_like(largest, dtype=torch.int32)
    if largest.numel():
        _forward[_grid(batch, count, channels)](
            values,
            members.contiguous(),
            largest,
            winners,
            size,
            count,
            channels,
            ranks,
            ROWS=ROWS,
            CHANNELS=CHANNELS,
            num_warps=4,
        )
    return largest, winners


def neighbour_max_backward(grad: Tensor, winners: Tensor, size: int) -> Tensor:
    """See `torch_kernels.neighbour_max_backward`."""
    batch, count, channels = grad.shape
    output = grad.new_zeros((batch, size, channels))
    if grad.numel():
        sizes = {"ROWS": ROWS, "CHANNELS": CHANNELS}
        _backward[_grid(batch, count, channels)](
            grad, winners.contiguous(), output, size, count, channels, **sizes, num_warps=4
        )
    return output
