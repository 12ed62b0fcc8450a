"""Building blocks on rows: the last axis is the channels, all others are points."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from kg import ops
from kg.ops.norm import moments

EPS = 1e-5
MOMENTUM = 0.1


class BatchNorm(nn.Module):
    """Batch normalisation followed by ReLU, or by ReLU and the maximum over a group.

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

    def _moments(self, rows: Tensor) -> tuple[Tensor, Tensor, bool]:
        count = len(rows)
        if not self.training or count == 1:
            return self.running_mean, self.running_var, False
        with torch.no_grad():
            mean, variance = moments(rows)
            self.running_mean.lerp_(mean, MOMENTUM)
            self.running_var.lerp_(variance * (count / (count - 1)), MOMENTUM)
        return mean, variance, True

    def relu(self, values: Tensor) -> Tensor:
        """Return (..., C) for (..., C)."""
        rows = values.reshape(-1, values.shape[-1])
        mean, variance, batch = self._moments(rows)
        result = ops.batch_norm_relu(rows, self.weight, self.bias, mean, variance, eps=EPS, batch=batch)
        return result.view(values.shape)

    def relu_max(self, groups: Tensor) -> Tensor:
        """Return (..., C) for groups (..., k, C)."""
        flat = groups.reshape(-1, *groups.shape[-2:])
        mean, variance, batch = self._moments(flat.flatten(0, 1))
        result = ops.batch_norm_relu_max(flat, self.weight, self.bias, mean, variance, eps=EPS, batch=batch)
        return result.view(*groups.shape[:-2], groups.shape[-1])


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
        self.linears = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.norms: Sequence[BatchNorm] = nn.ModuleList(BatchNorm(width) for width in widths)  # type: ignore[assignment]

    def forward(self, points: Tensor, features: Tensor, centres: Tensor, members: Tensor) -> Tensor:
        """Return one feature for each ball, (B, S, widths[-1]).

        Args:
            points: (B, N, 3).
            features: (B, N, C).
            centres: (B, S, 3).
            members: (B, S, k) indices into the points.
        """
        per_point = self.first(torch.cat([features, points], dim=2))
        per_centre = centres @ self.first.weight[:, -3:].T
        values = ops.gather(per_point, members) - per_centre[:, :, None]
        for norm, linear in zip(self.norms, self.linears, strict=False):
            values = linear(norm.relu(values))
        pooled: Tensor = self.norms[-1].relu_max(values)
        return pooled
