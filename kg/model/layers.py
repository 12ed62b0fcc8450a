"""Building blocks on rows: the last axis is the channels, all others are points."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from kg import ops
from kg.ops.precision import full_precision

EPS = 1e-5
MOMENTUM = 0.1


class BatchNorm(nn.Module):
    """Batch normalisation followed by ReLU.

    Parameters and buffers are those of `torch.nn.BatchNorm1d`. A batch of one row has no variance; it
    is normalised by the running moments.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def running(self, count: int) -> ops.Moments | None:
        """Return the running moments, or None where those of a batch of `count` rows are to be taken."""
        own = self.training and count > 1
        return None if own else ops.Moments(self.running_mean, self.running_var)

    @torch.no_grad()
    def observe(self, moments: ops.Moments, count: int) -> None:
        """Let the running moments follow those of a batch of `count` rows."""
        self.running_mean.lerp_(moments.mean, MOMENTUM)
        self.running_var.lerp_(moments.variance * (count / (count - 1)), MOMENTUM)

    def relu(self, values: Tensor) -> Tensor:
        """Return (..., C) for (..., C)."""
        rows = values.reshape(-1, values.shape[-1])
        running = self.running(len(rows))
        result, moments = ops.batch_norm_relu(rows, self.weight, self.bias, running, eps=EPS)
        if running is None:
            self.observe(moments, len(rows))
        return result.view(values.shape)


class MLP(nn.Module):
    """Linear, batch norm and ReLU, once for each of `widths`."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(*pair) for pair in pairwise([channels, *widths]))
        self.norms: Sequence[BatchNorm] = nn.ModuleList(BatchNorm(width) for width in widths)  # type: ignore[assignment]

    def forward(self, values: Tensor) -> Tensor:
        """Return (..., widths[-1]) for values (..., channels)."""
        for linear, norm in zip(self.linears, self.norms, strict=True):
            values = norm.relu(linear(values))
        return values


class GroupMLP(nn.Module):
    """An MLP on the members of each ball, then the maximum over the ball (PointNet++).

    A member's input is its features and its offset from the centre. The first linear layer of
    `features ⊕ (x - centre)` is taken apart: what concerns the point is computed once per point and
    gathered, what concerns the centre once per centre.

    Args:
        channels: C of the points' features.
        widths: Output channels of each layer.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.first = nn.Linear(channels + 3, widths[0])
        self.linears: Sequence[nn.Linear] = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))  # type: ignore[assignment]
        self.norms: Sequence[BatchNorm] = nn.ModuleList(BatchNorm(width) for width in widths)  # type: ignore[assignment]

    def forward(self, points: Tensor, features: Tensor, centres: Tensor, members: Tensor) -> Tensor:
        """Return one feature for each ball, (B, S, widths[-1]).

        Args:
            points: (B, N, 3).
            features: (B, N, C).
            centres: (B, S, 3).
            members: (B, S, k) indices into the points.
        """
        # Their difference is small beside either: no digit can be spared.
        with full_precision(points.device):
            per_point = self.first(torch.cat([features.to(points.dtype), points], dim=2))
            per_centre = centres @ self.first.weight[:, -3:].T
        layers = [ops.Layer(self.norms[0].weight, self.norms[0].bias)]
        for linear, norm in zip(self.linears, self.norms[1:], strict=True):
            layers.append(ops.Layer(norm.weight, norm.bias, linear.weight, linear.bias))
        count = members.numel()
        known = [moments for norm in self.norms if (moments := norm.running(count)) is not None]
        low = torch.is_autocast_enabled(points.device.type)
        pooled, seen = ops.group_mlp_max(per_point, per_centre, members, layers, known, eps=EPS, low=low)
        if not known:
            for norm, moments in zip(self.norms, seen, strict=True):
                norm.observe(moments, count)
        return pooled
