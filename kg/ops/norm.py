"""Batch normalisation over rows, with the activation that follows it.

PyTorch's own on (rows, C) sums naively on the CPU: at 262,144 rows its float32 variance is off by
2e-3. Here the sums are taken in pieces that are merged as Chan, Golub and LeVeque (1983) do. Nothing
between the linear layer's output and the result is written to memory, and the result need not be kept
for the gradient.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.signature import Signature

_ROWS = Signature("rows:float R C, weight C, bias C")
_MOMENTS = Signature("weight C, mean C, variance C")


class Moments(NamedTuple):
    """Mean and biased variance of rows, (C,) each."""

    mean: Tensor
    variance: Tensor


class Line(NamedTuple):
    """Batch normalisation as the line `x · slope + shift`, with 1 / sqrt(variance + eps); (C,) each."""

    slope: Tensor
    shift: Tensor
    scale: Tensor


def line(weight: Tensor, bias: Tensor, moments: Moments, eps: float) -> Line:
    """Return batch normalisation with these moments as a line."""
    vectors = (each.contiguous() for each in (weight, bias, *moments))
    return Line(*run("line", *vectors, eps))


def through_moments(
    normal: Line, mean: Tensor, grad_weight: Tensor, grad_bias: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Return p and q, (C,) each: a row x gets the gradient p · x + q through the rows' own moments."""
    factor, constant = run("through_moments", normal.slope, normal.scale, mean, grad_weight, grad_bias, count)
    return factor, constant


@torch.library.custom_op("kg::batch_norm_relu", mutates_args=())
def _batch_norm_relu(
    rows: Tensor, weight: Tensor, bias: Tensor, running: list[Tensor], eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    rows = rows.contiguous()
    # An operation's results must not be its arguments.
    moments = Moments(*(value.clone() for value in running) if running else run("moments", rows))
    slope, shift, _ = line(weight, bias, moments, eps)
    return run("affine_relu", rows, slope, shift), *moments


@_batch_norm_relu.register_fake
def _(
    rows: Tensor, weight: Tensor, bias: Tensor, running: list[Tensor], eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return rows.new_empty(rows.shape), torch.empty_like(weight), torch.empty_like(weight)


@torch.library.custom_op("kg::batch_norm_relu_backward", mutates_args=())
def _batch_norm_relu_backward(
    grad: Tensor,
    rows: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    batch: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    grad, rows = grad.contiguous(), rows.contiguous()
    normal = line(weight, bias, Moments(mean, variance), eps)
    weighted, grad_bias = run("affine_relu_sums", grad, rows, normal.slope, normal.shift, mean)
    grad_weight = weighted * normal.scale
    factor = constant = torch.zeros_like(mean)
    if batch:
        factor, constant = through_moments(normal, mean, grad_weight, grad_bias, len(rows))
    grad_rows = run("affine_relu_backward", grad, rows, normal.slope, normal.shift, factor, constant)
    return grad_rows, grad_weight, grad_bias


@_batch_norm_relu_backward.register_fake
def _(
    grad: Tensor,
    rows: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    batch: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return rows.new_empty(rows.shape), torch.empty_like(weight), torch.empty_like(weight)


def _keep(
    ctx: Any,
    inputs: tuple[Tensor, Tensor, Tensor, list[Tensor], float],
    output: tuple[Tensor, Tensor, Tensor],
) -> None:
    rows, weight, bias, running, ctx.eps = inputs
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    ctx.batch = not running
    ctx.save_for_backward(rows, weight, bias, *output[1:])


def _backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Any, ...]:
    running = [None] * (0 if ctx.batch else 2)
    if grad is None:
        return None, None, None, running, None
    return *_batch_norm_relu_backward(grad, *ctx.saved_tensors, ctx.eps, ctx.batch), running, None


_batch_norm_relu.register_autograd(_backward, setup_context=_keep)


def batch_norm_relu(
    rows: Tensor, weight: Tensor, bias: Tensor, running: Moments | None = None, *, eps: float = 1e-5
) -> tuple[Tensor, Moments]:
    """Return `relu((rows - mean) / sqrt(variance + eps) · weight + bias)`, (R, C), and the moments.

    Differentiable in rows, weight and bias, through the rows' own moments too. NaN in a column of rows
    spreads over the column where the moments are its own.

    Args:
        rows: (R, C), in any layout.
        weight: (C,).
        bias: (C,).
        running: Moments to normalise by; by default those of the rows, of which there must be one or more.
        eps: Added to the variance.

    Raises:
        ValueError: The shapes or dtypes do not belong together, or there are no rows to take moments of.
    """
    sizes = _ROWS.check(rows, weight, bias)
    if running is not None:
        _MOMENTS.check(weight, *running)
    elif sizes["R"] == 0:
        raise ValueError(f"no rows have no moments: {tuple(rows.shape)}")
    result, mean, variance = _batch_norm_relu(rows.to(weight.dtype), weight, bias, list(running or ()), eps)
    return result, Moments(mean, variance)
