"""Normalisation and ReLU over rows: moments in pieces that are merged, and one pass for each of the rest."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from kg.ops.torch_kernels import PIECE, merge_moments, piece_counts

CHANNELS = 32
ROWS = 64


@triton.jit
def _moments(rows, means, variances, total, channels, PIECE: tl.constexpr, CHANNELS: tl.constexpr):
    piece = tl.program_id(0).to(tl.int64)
    row = piece * PIECE + tl.arange(0, PIECE)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    mask = (row < total)[:, None] & (channel < channels)[None, :]
    count = tl.minimum(total - piece * PIECE, PIECE).to(tl.float32)
    values = tl.load(rows + row[:, None] * channels + channel[None, :], mask=mask, other=0.0)
    mean = tl.sum(values, axis=0) / count
    deviation = tl.where(mask, values - mean[None, :], 0.0)
    at = piece * channels + channel
    tl.store(means + at, mean, mask=channel < channels)
    tl.store(variances + at, tl.sum(deviation * deviation, axis=0) / count, mask=channel < channels)


@triton.jit
def _affine_relu(rows, slope, shift, output, total, channels, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (row < total)[:, None] & inside[None, :]
    at = row[:, None] * channels + channel[None, :]
    a, b = tl.load(slope + channel, mask=inside), tl.load(shift + channel, mask=inside)
    value = tl.load(rows + at, mask=mask, other=0.0) * a[None, :] + b[None, :]
    tl.store(output + at, tl.where(value <= 0, 0.0, value), mask=mask)


@triton.jit
def _affine_relu_sums(
    grad,
    rows,
    slope,
    shift,
    mean,
    weighted,
    plain,
    total,
    channels,
    PIECE: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    piece = tl.program_id(0).to(tl.int64)
    row = piece * PIECE + tl.arange(0, PIECE)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (row < total)[:, None] & inside[None, :]
    at = row[:, None] * channels + channel[None, :]
    a, b = tl.load(slope + channel, mask=inside), tl.load(shift + channel, mask=inside)
    middle = tl.load(mean + channel, mask=inside)
    values = tl.load(rows + at, mask=mask, other=0.0)
    through = tl.where(values * a[None, :] + b[None, :] > 0, tl.load(grad + at, mask=mask, other=0.0), 0.0)
    target = piece * channels + channel
    tl.store(weighted + target, tl.sum(through * (values - middle[None, :]), axis=0), mask=inside)
    tl.store(plain + target, tl.sum(through, axis=0), mask=inside)


@triton.jit
def _affine_relu_backward(
    grad,
    rows,
    slope,
    shift,
    factor,
    constant,
    output,
    total,
    channels,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mask = (row < total)[:, None] & inside[None, :]
    at = row[:, None] * channels + channel[None, :]
    a, b = tl.load(slope + channel, mask=inside), tl.load(shift + channel, mask=inside)
    p, q = tl.load(factor + channel, mask=inside), tl.load(constant + channel, mask=inside)
    values = tl.load(rows + at, mask=mask, other=0.0)
    through = tl.where(values * a[None, :] + b[None, :] > 0, tl.load(grad + at, mask=mask, other=0.0), 0.0)
    tl.store(output + at, through * a[None, :] + values * p[None, :] + q[None, :], mask=mask)


def _grid(rows: Tensor, each: int) -> tuple[int, int]:
    return triton.cdiv(len(rows), each), triton.cdiv(rows.shape[1], CHANNELS)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.moments`."""
    counts = piece_counts(len(rows), rows.device)
    means, variances = rows.new_empty((2, len(counts), rows.shape[1]))
    _moments[_grid(rows, PIECE)](
        rows, means, variances, *rows.shape, PIECE=PIECE, CHANNELS=CHANNELS, num_warps=8
    )
    return merge_moments(means, variances, counts)


def affine_relu(rows: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """See `torch_kernels.affine_relu`."""
    output = torch.empty_like(rows)
    if rows.numel():
        sizes = {"ROWS": ROWS, "CHANNELS": CHANNELS}
        _affine_relu[_grid(rows, ROWS)](rows, slope, shift, output, *rows.shape, **sizes, num_warps=4)
    return output


def affine_relu_sums(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.affine_relu_sums`."""
    weighted, plain = rows.new_zeros((2, triton.cdiv(len(rows), PIECE), rows.shape[1]))
    if rows.numel():
        _affine_relu_sums[_grid(rows, PIECE)](
            grad,
            rows,
            slope,
            shift,
            mean,
            weighted,
            plain,
            *rows.shape,
            PIECE=PIECE,
            CHANNELS=CHANNELS,
            num_warps=8,
        )
    return weighted.sum(0), plain.sum(0)


def affine_relu_backward(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, factor: Tensor, constant: Tensor
) -> Tensor:
    """See `torch_kernels.affine_relu_backward`."""
    output = torch.empty_like(rows)
    if rows.numel():
        sizes = {"ROWS": ROWS, "CHANNELS": CHANNELS}
        vectors = (slope, shift, factor, constant)
        _affine_relu_backward[_grid(rows, ROWS)](
            grad, rows, *vectors, output, *rows.shape, **sizes, num_warps=4
        )
    return output
