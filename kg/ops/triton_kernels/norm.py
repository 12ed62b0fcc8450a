"""Normalisation and ReLU over rows: sums in pieces that are merged, and one pass for each of the rest."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

CHANNELS = 32
ROWS = 64
PIECE = 512
"""Rows whose sums one program takes."""
PIECES = 128
"""Sums of pieces that are merged at a time."""
VECTOR = 256


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
def _merge_moments(
    means,
    variances,
    mean,
    variance,
    total,
    channels,
    PIECE: tl.constexpr,
    PIECES: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    pieces = tl.cdiv(total, PIECE)
    middle = tl.zeros((CHANNELS,), tl.float32)
    for first in range(0, pieces, PIECES):
        piece = first + tl.arange(0, PIECES)
        mask = (piece < pieces)[:, None] & inside[None, :]
        share = tl.minimum(total - piece * PIECE, PIECE).to(tl.float32) / total
        values = tl.load(means + piece[:, None] * channels + channel[None, :], mask=mask, other=0.0)
        middle += tl.sum(share[:, None] * values, axis=0)
    spread = tl.zeros((CHANNELS,), tl.float32)
    for first in range(0, pieces, PIECES):
        piece = first + tl.arange(0, PIECES)
        mask = (piece < pieces)[:, None] & inside[None, :]
        share = tl.minimum(total - piece * PIECE, PIECE).to(tl.float32) / total
        at = piece[:, None] * channels + channel[None, :]
        away = tl.load(means + at, mask=mask, other=0.0) - middle[None, :]
        values = tl.load(variances + at, mask=mask, other=0.0) + away * away
        spread += tl.sum(tl.where(mask, share[:, None] * values, 0.0), axis=0)
    tl.store(mean + channel, middle, mask=inside)
    tl.store(variance + channel, spread, mask=inside)


@triton.jit
def _merge_sums(parts, sums, pieces, channels, PIECES: tl.constexpr, CHANNELS: tl.constexpr):
    parts += tl.program_id(1).to(tl.int64) * pieces * channels
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    total = tl.zeros((CHANNELS,), tl.float32)
    for first in range(0, pieces, PIECES):
        piece = first + tl.arange(0, PIECES)
        mask = (piece < pieces)[:, None] & inside[None, :]
        values = tl.load(parts + piece[:, None] * channels + channel[None, :], mask=mask, other=0.0)
        total += tl.sum(values, axis=0)
    tl.store(sums + tl.program_id(1) * channels + channel, total, mask=inside)


@triton.jit
def _line(weight, bias, mean, variance, coefficients, eps, channels, VECTOR: tl.constexpr):
    channel = tl.program_id(0) * VECTOR + tl.arange(0, VECTOR)
    inside = channel < channels
    scale = tl.rsqrt(tl.load(variance + channel, mask=inside, other=1.0) + eps)
    slope = tl.load(weight + channel, mask=inside) * scale
    shift = tl.load(bias + channel, mask=inside) - tl.load(mean + channel, mask=inside) * slope
    tl.store(coefficients + channel, slope, mask=inside)
    tl.store(coefficients + channels + channel, shift, mask=inside)
    tl.store(coefficients + 2 * channels + channel, scale, mask=inside)


@triton.jit
def _through_moments(
    slope, scale, mean, grad_weight, grad_bias, coefficients, count, channels, VECTOR: tl.constexpr
):
    channel = tl.program_id(0) * VECTOR + tl.arange(0, VECTOR)
    inside = channel < channels
    pull = -tl.load(slope + channel, mask=inside) / count
    factor = pull * tl.load(scale + channel, mask=inside) * tl.load(grad_weight + channel, mask=inside)
    constant = pull * tl.load(grad_bias + channel, mask=inside) - factor * tl.load(
        mean + channel, mask=inside
    )
    tl.store(coefficients + channel, factor, mask=inside)
    tl.store(coefficients + channels + channel, constant, mask=inside)


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
    total, channels = rows.shape
    grid = _grid(rows, PIECE)
    means, variances = rows.new_empty((2, grid[0], channels))
    # An operation's results must not share memory.
    mean, variance = rows.new_empty(channels), rows.new_empty(channels)
    _moments[grid](rows, means, variances, total, channels, PIECE=PIECE, CHANNELS=CHANNELS, num_warps=8)
    sizes = {"PIECE": PIECE, "PIECES": PIECES, "CHANNELS": CHANNELS}
    _merge_moments[grid[1:]](means, variances, mean, variance, total, channels, **sizes, num_warps=8)
    return mean, variance


def line(
    weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See `torch_kernels.line`."""
    channels = len(weight)
    coefficients = weight.new_empty((3, channels))
    grid = (triton.cdiv(channels, VECTOR),)
    _line[grid](weight, bias, mean, variance, coefficients, eps, channels, VECTOR=VECTOR, num_warps=4)
    slope, shift, scale = coefficients
    return slope, shift, scale


def through_moments(
    slope: Tensor, scale: Tensor, mean: Tensor, grad_weight: Tensor, grad_bias: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.through_moments`."""
    channels = len(slope)
    factor, constant = coefficients = slope.new_empty((2, channels))
    vectors = (slope, scale, mean, grad_weight, grad_bias)
    grid = (triton.cdiv(channels, VECTOR),)
    _through_moments[grid](*vectors, coefficients, float(count), channels, VECTOR=VECTOR, num_warps=4)
    return factor, constant


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
    if not rows.numel():
        weighted, plain = rows.new_zeros((2, rows.shape[1]))
        return weighted, plain
    total, channels = rows.shape
    grid = _grid(rows, PIECE)
    parts, sums = rows.new_empty((2, grid[0], channels)), rows.new_empty((2, channels))
    _affine_relu_sums[grid](
        grad, rows, slope, shift, mean, *parts, total, channels, PIECE=PIECE, CHANNELS=CHANNELS, num_warps=8
    )
    _merge_sums[(grid[1], 2)](parts, sums, grid[0], channels, PIECES=PIECES, CHANNELS=CHANNELS, num_warps=8)
    weighted, plain = sums
    return weighted, plain


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
