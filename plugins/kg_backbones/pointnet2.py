"""PointNet++ with multi-scale grouping (Qi et al., NeurIPS 2017), as Key-Grid's encoder has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kg import ops
from kg.errors import KgError
from kg.model import MLP, Backbone, Features, GroupMLP, Pyramid


@dataclass(frozen=True)
class _Scale:
    radius: float
    members: int
    widths: tuple[int, ...]


@dataclass(frozen=True)
class _Abstraction:
    points: int
    scales: tuple[_Scale, ...]


ABSTRACTIONS = (
    _Abstraction(1024, (_Scale(0.05, 16, (16, 16, 32)), _Scale(0.1, 32, (32, 32, 64)))),
    _Abstraction(256, (_Scale(0.1, 16, (64, 64, 128)), _Scale(0.2, 32, (64, 96, 128)))),
    _Abstraction(64, (_Scale(0.2, 16, (128, 196, 256)), _Scale(0.4, 32, (128, 196, 256)))),
    _Abstraction(16, (_Scale(0.4, 16, (256, 256, 512)), _Scale(0.8, 32, (256, 384, 512)))),
)
PROPAGATIONS = ((128, 128, 128), (256, 128), (256, 256), (256, 256))
"""Widths of the way back up, to the cloud itself first."""
COPIES_OF_XYZ = 3
"""A point's input feature is its coordinates, three times over."""


class PointNet2(Backbone):
    """PointNet++: four set abstractions of 1024, 256, 64 and 16 points, and feature propagation back.

    Args:
        neighbours: "nearest" groups the nearest points of a ball, whatever their order; "first" the
            first in the cloud's order, as the released code does.
        sampling: "nested" samples the cloud once, from a random point while training, and takes each
            coarser level's points as the first of the finer one; "drawn" samples each level anew, from a
            random point, in evaluation too, as the released code does: what it finds differs each time.

    Raises:
        KgError: `neighbours` or `sampling` is something else.
    """

    level_channels = tuple(sum(scale.widths[-1] for scale in level.scales) for level in ABSTRACTIONS)
    point_channels = PROPAGATIONS[0][-1]
    global_channels = level_channels[-1]
    minimum_points = ABSTRACTIONS[0].points
    recordable = True

    def __init__(
        self,
        neighbours: Literal["nearest", "first"] = "nearest",
        sampling: Literal["nested", "drawn"] = "nested",
    ) -> None:
        super().__init__()
        if neighbours not in ("nearest", "first"):
            raise KgError(f"neighbours must be 'nearest' or 'first', not '{neighbours}'.")
        if sampling not in ("nested", "drawn"):
            raise KgError(f"sampling must be 'nested' or 'drawn', not '{sampling}'.")
        self.nearest, self.nested = neighbours == "nearest", sampling == "nested"
        inputs = (3 * COPIES_OF_XYZ, *self.level_channels)
        self.abstractions = nn.ModuleList(
            nn.ModuleList(GroupMLP(channels, scale.widths) for scale in level.scales)
            for channels, level in zip(inputs, ABSTRACTIONS, strict=False)
        )
        skips = (0, *self.level_channels[:-1])
        below = (*(widths[-1] for widths in PROPAGATIONS[1:]), self.level_channels[-1])
        self.propagations = nn.ModuleList(
            MLP(skip + under, widths) for skip, under, widths in zip(skips, below, PROPAGATIONS, strict=True)
        )

    def _sample(self, points: Tensor) -> list[Tensor]:
        """Return the points of each level, finest first."""
        if self.nested:
            start = _draw(points) if self.training else None
            sampled = ops.gather(points, ops.farthest_point_sample(points, ABSTRACTIONS[0].points, start))
            return [sampled[:, : level.points].contiguous() for level in ABSTRACTIONS]
        levels: list[Tensor] = []
        for level in ABSTRACTIONS:
            finer = levels[-1] if levels else points
            levels.append(ops.gather(finer, ops.farthest_point_sample(finer, level.points, _draw(finer))))
        return levels

    def forward(self, points: Tensor) -> Features:
        """See `Backbone.forward`."""
        clouds = [points, *self._sample(points)]
        features = [points.repeat(1, 1, COPIES_OF_XYZ)]
        for number, (level, mlps) in enumerate(zip(ABSTRACTIONS, self.abstractions, strict=True)):
            features.append(self._abstract(level.scales, mlps, clouds[number : number + 2], features[-1]))

        pyramid = Pyramid(clouds)
        values = features[-1]
        for number in reversed(range(len(ABSTRACTIONS))):
            values = pyramid.climb(values, number + 1)
            if number > 0:
                values = torch.cat([features[number], values], dim=2)
            values = self.propagations[number](values)
        return Features(pyramid, features[1:], values, features[-1].amax(1))

    def _abstract(
        self, scales: Sequence[_Scale], mlps: nn.Module, clouds: Sequence[Tensor], features: Tensor
    ) -> Tensor:
        points, centres = clouds
        outputs = []
        for scale, mlp in zip(scales, mlps.children(), strict=True):
            members = ops.ball_query(points, centres, scale.radius, scale.members, nearest=self.nearest)
            outputs.append(mlp(points, features, centres, members))
        return torch.cat(outputs, dim=2)


def _draw(points: Tensor) -> Tensor:
    """Return the index of a random point of each cloud, (B,)."""
    return torch.randint(points.shape[1], (len(points),), device=points.device)
