"""What a backbone provides: the contract that Key-Grid's heads and decoder build on."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn

from kg import ops
from kg.errors import KgError


@dataclass(eq=False)
class Pyramid:
    """One batch of clouds at several resolutions, and how values climb from coarse to fine.

    Encoder and decoder interpolate between the same clouds; what one has searched the other finds here.

    Attributes:
        clouds: (B, N, 3), the input, then each level's points (B, n, 3), finest first.
    """

    clouds: list[Tensor]
    _found: dict[int, ops.Interpolation] = field(default_factory=dict)

    def climb(self, values: Tensor, level: int) -> Tensor:
        """Return values (B, n, C) at `clouds[level]` brought to `clouds[level - 1]`."""
        if level not in self._found:
            self._found[level] = ops.interpolation_weights(self.clouds[level - 1], self.clouds[level])
        return ops.three_interpolate(values, self._found[level])


@dataclass(frozen=True, eq=False)
class Features:
    """What a backbone says of clouds (B, N, 3).

    Attributes:
        pyramid: The clouds, L levels beside the input.
        level_features: (B, n, C) of each of the L levels, finest first.
        point_features: (B, N, C) of the input's points.
        global_feature: (B, G).
    """

    pyramid: Pyramid
    level_features: list[Tensor]
    point_features: Tensor
    global_feature: Tensor


class Backbone(nn.Module, ABC):
    """A network from clouds to features. Register a subclass in the entry-point group `kg.backbones`.

    The constructor takes keyword options with defaults and nothing else; they are stored with a run. From
    the command line (`--set backbone.NAME=VALUE`) they come as text. What they mean stands in the docstring
    under "Args:", which `kg train --backbone NAME --set help` shows. What the class declares is of its
    defaults; one that is made with other options may have other sizes.

    Attributes:
        level_channels: C of each level, finest first; at least two levels.
        point_channels: C of the per-point features.
        global_channels: G of the global feature.
        minimum_points: The smallest N that it takes.
        recordable: A step through it can be recorded as a CUDA graph, which makes training on a GPU many
            times faster: no shape depends on a value, no value is read (`.item()`), nothing is copied from
            the CPU, and what is random is drawn on the device.
    """

    level_channels: ClassVar[tuple[int, ...]]
    point_channels: ClassVar[int]
    global_channels: ClassVar[int]
    minimum_points: ClassVar[int] = 1
    recordable: ClassVar[bool] = False

    @abstractmethod
    def forward(self, points: Tensor) -> Features:
        """Return the features of clouds (B, N, 3) in [-1, 1].

        In evaluation mode the result is a function of the points in their order and of nothing else;
        the model sorts them canonically first, unless it is told not to.
        """


def check_features(backbone: Backbone, points: Tensor, features: Features) -> None:
    """Compare what a backbone gives for clouds (B, N, 3) with what it declares.

    Raises:
        KgError: An array has another shape than its declaration says; names both.
    """
    batch, count, _ = points.shape
    clouds, levels = features.pyramid.clouds, features.level_features
    declared = backbone.level_channels
    expected = {
        "point_features": (features.point_features, (batch, count, backbone.point_channels)),
        "global_feature": (features.global_feature, (batch, backbone.global_channels)),
    }
    for number, (cloud, values, channels) in enumerate(zip(clouds[1:], levels, declared, strict=False)):
        expected[f"level_features[{number}]"] = (values, (batch, cloud.shape[1], channels))
    problems = [
        f"{name} is {tuple(values.shape)}, not {shape}"
        for name, (values, shape) in expected.items()
        if tuple(values.shape) != shape
    ]
    if not len(declared) == len(levels) == len(clouds) - 1:
        problems.insert(
            0, f"{len(declared)} level_channels, {len(levels)} level_features, {len(clouds)} clouds"
        )
    if problems:
        raise KgError(
            f"The backbone {type(backbone).__name__} does not give what it declares: {problems[0]}.",
            "See kg.model.Backbone and kg.model.Features for what belongs together.",
        )
