"""Values of a coarse cloud at the points of a fine one, and the way back, where sums are atomic."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import triton
import triton.language as tl
from torch import Tensor

ROWS, CHANNELS = 16, 64


@triton.jit
def _forward(
    features,
    indices,
    weights,
    output,
    size,
    fine,
    channels,
    RANKS: tl.constexpr,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    cloud = tl.program_id(2).to(tl.int64)
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside, mask = row < fine, (row < fine)[:, None] & (channel < channels)[None, :]
    at = (cloud * fine + row) * RANKS
    total = tl.zeros((ROWS, CHANNELS), output.dtype.element_ty)
    for rank in tl.static_range(RANKS):
        index = tl.load(indices + at + rank, mask=inside, other=0)
        weight = tl.load(weights + at + rank, mask=inside, other=0.0)
        source = features + (cloud * size + index)[:, None] * channels + channel[None, :]
        total += tl.load(source, mask=mask, other=0.0) * weight[:, None]
    tl.store(output + (cloud * fine + row)[:, None] * channels + channel[None, :], total, mask=mask)


@triton.jit
def _backward(
    grad,
    indices,
    weights,
    output,
    size,
    fine,
    channels,
    RANKS: tl.constexpr,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    cloud = tl.program_id(2).to(tl.int64)
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside, mask = row < fine, (row < fine)[:, None] & (channel < channels)[None, :]
    at = (cloud * fine + row) * RANKS
    upstream = tl.load(
        grad + (cloud * fine + row)[:, None] * channels + channel[None, :], mask=mask, other=0.0
    )
    for rank in tl.static_range(RANKS):
        index = tl.load(indices + at + rank, mask=inside, other=0)
        weight = tl.load(weights + at + rank, mask=inside, other=0.0)
        target = output + (cloud * size + index)[:, None] * channels + channel[None, :]
        tl.atomic_add(target, upstream * weight[:, None], mask=mask, sem="relaxed")


def _launch(kernel, values: Tensor, indices: Tensor, weights: Tensor, output: Tensor, size: int) -> Tensor:
    batch, fine, ranks = indices.shape
    channels = values.shape[2]
    if batch * fine * channels:
        grid = (triton.cdiv(fine, ROWS), triton.cdiv(channels, CHANNELS), batch)
        sizes = {"RANKS": ranks, "ROWS": ROWS, "CHANNELS": CHANNELS}
        kernel[grid](values, indices, weights, output, size, fine, channels, **sizes, num_warps=4)
    return output


def three_interpolate(features: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """See `kg.ops.three_interpolate`."""
    output = features.new_empty((*indices.shape[:2], features.shape[2]))
    return _launch(_forward, features, indices.contiguous(), weights.contiguous(), output, features.shape[1])


def three_interpolate_backward(grad: Tensor, indices: Tensor, weights: Tensor, size: int) -> Tensor:
    """See `torch_kernels.three_interpolate_backward`."""
    output = grad.new_zeros((len(grad), size, grad.shape[2]))
    return _launch(_backward, grad, indices.contiguous(), weights.contiguous(), output, size)
