"""Batch normalisation over rows, with the activation and the maximum that follow it.

PyTorch's own on (rows, C) sums naively on the CPU: at 262,144 rows its float32 variance is off by
2e-3. Here the sums are taken in pieces that are merged as Chan, Golub and LeVeque (1983) do. Nothing
between the linear layer's output and the result is written to memory.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from kg.ops.kernels import choose


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance, (C,) each, of rows (R, C)."""
    mean, variance = choose("moments", rows.device).run(rows)
    return mean, variance


class _BatchNormRelu(Function):
    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, scale: Tensor, batch: bool
    ) -> Tensor:
        slope = weight * scale
        result: Tensor = choose("affine_relu", rows.device).run(rows, slope, bias - mean * slope)
        ctx.batch = batch
        ctx.save_for_backward(rows, result, slope, mean, scale)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, result, slope, mean, scale = ctx.saved_tensors
        grad_weight, grad_bias = choose("affine_relu_sums", rows.device).run(grad, result, rows, mean)
        grad_weight = grad_weight * scale
        factor, constant = _through_moments(ctx.batch, grad_weight, grad_bias, slope, mean, scale, len(rows))
        run = choose("affine_relu_backward", rows.device).run
        return run(grad, result, rows, slope, factor, constant), grad_weight, grad_bias, None, None, None


class _BatchNormReluMax(Function):
    @staticmethod
    def forward(
        ctx: Any, groups: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, scale: Tensor, batch: bool
    ) -> Tensor:
        slope = weight * scale
        index, chosen = choose("group_extremes", groups.device).run(groups, slope)
        result = torch.addcmul(bias - mean * slope, chosen, slope).relu_()
        ctx.batch = batch
        ctx.save_for_backward(groups, index, chosen, result, slope, mean, scale)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        groups, index, chosen, result, slope, mean, scale = ctx.saved_tensors
        grad = grad * (result > 0)
        grad_bias = grad.sum(0)
        grad_weight = (grad * (chosen - mean)).sum(0) * scale
        count = groups.shape[0] * groups.shape[1]
        factor, constant = _through_moments(ctx.batch, grad_weight, grad_bias, slope, mean, scale, count)
        run = choose("group_backward", groups.device).run
        return run(grad * slope, index, groups, factor, constant), grad_weight, grad_bias, None, None, None


def _through_moments(
    batch: bool,
    grad_weight: Tensor,
    grad_bias: Tensor,
    slope: Tensor,
    mean: Tensor,
    scale: Tensor,
    count: int,
) -> tuple[Tensor, Tensor]:
    """Return p and q, (C,) each: a row x gets the gradient p · x + q through the mean and variance."""
    if not batch:
        return torch.zeros_like(slope), torch.zeros_like(slope)
    factor = -slope * scale * grad_weight / count
    return factor, -slope * grad_bias / count - factor * mean


def batch_norm_relu(
    rows: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, *, eps: float, batch: bool
) -> Tensor:
    """Return `relu((rows - mean) / sqrt(variance + eps) · weight + bias)`, (R, C).

    Args:
        rows: (R, C).
        weight: (C,).
        bias: (C,).
        mean: (C,), of the rows where `batch` is set (see `moments`), else running.
        variance: (C,), biased.
        eps: Added to the variance.
        batch: The moments are those of the rows, so the gradient flows through them too.
    """
    return _BatchNormRelu.apply(rows, weight, bias, mean, (variance + eps).rsqrt(), batch)  # type: ignore[no-any-return, no-untyped-call]


def batch_norm_relu_max(
    groups: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, *, eps: float, batch: bool
) -> Tensor:
    """Return the maximum over the members of each group (G, k, C) after `batch_norm_relu`, (G, C).

    The normalised values are never written: per channel, normalisation and ReLU keep or reverse the
    order, so the winner is found before them. The gradient goes to the first of equal winners.
    Arguments as `batch_norm_relu`, the moments over all G·k rows.
    """
    return _BatchNormReluMax.apply(groups, weight, bias, mean, (variance + eps).rsqrt(), batch)  # type: ignore[no-any-return, no-untyped-call]
