"""KeypointDeformer: keypoints whose moves deform one shape into another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg import ops
from kg.config import Inference, ModelConfig, TrainConfig
from kg.config.values import Bounds, read_values
from kg.model import Batch, Detector, Found, Losses
from kg.model.detector import check_points
from kg.ops.precision import autocast, full_precision
from kg_detectors.keypoint_deformer.cage import AROUND, icosphere, mean_value_coordinates, shrink

SLOPE = 0.1
"""Of the leaky ReLU below 0."""
QUICKER = 10
"""How many times the learning rate of all else the free matrix has."""
SPREAD = 2
"""Farthest points for each keypoint, which keypoints begin near."""
LEAST = 5
"""Of the cage's vertices that a keypoint moves."""


@dataclass(frozen=True)
class Options:
    """Options of its own, which `KeypointDeformer` explains."""

    warmup: Annotated[float, Bounds(0, 1)] = 0.1


class Pooled(nn.Module):
    """A PointNet: clouds (B, N, 3) to (B, C), a maximum over the points and a layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.points = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((3, 64, 128, channels)))
        self.whole = nn.Linear(channels, channels)
        _begin(self)

    def forward(self, points: Tensor) -> Tensor:
        """Return the features."""
        first, second, third = self.points
        pooled = third(second(first(points).relu()).relu()).amax(1)
        return _leaky(self.whole(pooled))


class Layers(nn.Module):
    """Linear layers with leaky ReLUs between them."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        _begin(self)

    def forward(self, values: Tensor) -> Tensor:
        """Return (B, widths[-1]) for values (B, widths[0])."""
        for layer in self.layers[:-1]:
            values = _leaky(layer(values))
        last: Tensor = self.layers[-1](values)
        return last


def _leaky(values: Tensor) -> Tensor:
    return functional.leaky_relu(values, SLOPE)


def _begin(module: nn.Module) -> None:
    """Draw weights as the authors do; biases begin at 0."""
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.xavier_uniform_(parameter)


@dataclass(frozen=True, eq=False)
class Deformed:
    """A shape as it is deformed towards another.

    Attributes:
        points: (B, N, 3).
        offset: (B, K, V), what the influence of keypoints on the cage's vertices owes to the shape.
        influence: (B, K, V).
        cage: (B, V, 3), around the shape.
        moved: (B, V, 3), the same when keypoints have moved.
    """

    points: Tensor
    offset: Tensor
    influence: Tensor
    cage: Tensor
    moved: Tensor


class KeypointDeformer(Detector):
    """KeypointDeformer (Jakab et al., CVPR 2021): a shape is deformed into another by its keypoints.

    The difference of two shapes' keypoints moves a cage around the one, and the cage deforms it, to be like
    the other. Each cloud of a batch is deformed into another one of it. Keypoints are regressed: nothing
    but the losses ties them to the shape. The configured backbone is not used.

    Args:
        model: The network.
        train: The training.
        warmup: Share of the epochs in which keypoints alone learn, to lie among the farthest points; of the
            authors' 2,001 iterations it is the first 200.

    Raises:
        KgError: An option of the detector cannot be read.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "optimizer": "adam",
        "learning_rate": "0.001",
        "batch_size": "16",
        # Two thousand steps on a hundred shapes.
        "epochs": "300",
        # The authors sample 1,024 points anew in each step.
        "subsample": "0.5",
        "normalisation": "longest-side",
    }
    template: Tensor
    faces: Tensor

    def __init__(self, model: ModelConfig, train: TrainConfig | None = None, *, warmup: str = "0.1") -> None:
        super().__init__()
        self.config, self.options = model, train or TrainConfig()
        self.own = Options(**read_values(Options, {"warmup": warmup}, prefix="detector."))
        self.count = model.keypoints
        self.minimum_points = SPREAD * self.count
        template, faces = icosphere()
        self.register_buffer("template", AROUND * template)
        self.register_buffer("faces", faces)
        size = self.count * len(template)
        self.keypoints = nn.Sequential(Pooled(256), Layers((256, 512, 256, 3 * self.count)))
        self.influences = nn.Sequential(Pooled(size), Layers((size, size, size)))
        # A step moves it as much as all else, and what it stands for ten times as far.
        self.matrix = nn.Parameter(torch.zeros(self.count, len(template)))

    def forward(self, points: Tensor) -> Tensor:
        """Return the keypoints (B, K, 3) of clouds (B, N, 3) in [-1, 1]."""
        check_points(self, "keypoint-deformer", points.shape[1])
        regressed: Tensor = self.keypoints(points)
        return regressed.to(points.dtype).view(-1, 3, self.count).transpose(1, 2).clamp(-1, 1)

    def deform(self, points: Tensor, keypoints: Tensor, targets: Tensor) -> Deformed:
        """Return clouds (B, N, 3) as they are when keypoints (B, K, 3) move to their targets."""
        cage = shrink(self.template, points)
        offset = self.influences(points).to(points.dtype).view(-1, *self.matrix.shape)
        influence = QUICKER * self.matrix + offset
        kept = max(LEAST, influence.shape[2] // self.count)
        near = ops.nearest_neighbours(keypoints.detach(), cage, kept)
        influence = influence * torch.zeros_like(influence).scatter(2, near, 1)
        with full_precision(points.device):
            moved = cage + influence.transpose(1, 2) @ (targets - keypoints)
            coordinates = mean_value_coordinates(points, cage, self.faces)
            return Deformed(coordinates @ moved, offset, influence, cage, moved)

    def stage(self, epoch: int) -> int:
        """Return 1 once shapes are deformed, 0 before."""
        return int(epoch >= self.own.warmup * self.options.epochs)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the losses of each cloud and another one of the batch."""
        start = torch.randint(batch.points.shape[1], (len(batch.points),), device=batch.points.device)
        return self._of_clouds(batch.points, start, stage, torch.default_generator)

    def validation_losses(self, batch: Batch) -> Losses:
        """Return the same losses, of the same pairs each time."""
        start = torch.zeros(len(batch.points), dtype=torch.int64, device=batch.points.device)
        return self._of_clouds(batch.points, start, 1, torch.Generator().manual_seed(0))

    def _of_clouds(self, points: Tensor, start: Tensor, stage: int, generator: torch.Generator) -> Losses:
        with autocast(points.device, self.options.precision):
            keypoints = self(points)
        losses = {"spread": (2.0, self.spread_loss(points, keypoints, start))}
        if stage:
            # Of a single cloud, itself.
            count = len(points)
            by = int(torch.randint(1, count, (1,), generator=generator)) if count > 1 else 0
            losses |= self.deformation_losses(points, points.roll(by, 0), keypoints, keypoints.roll(by, 0))
        return losses

    def spread_loss(self, points: Tensor, keypoints: Tensor, start: Tensor) -> Tensor:
        """Return how far keypoints (B, K, 3) are from 2 K farthest points of clouds (B, N, 3).

        Args:
            points: The clouds.
            keypoints: Theirs.
            start: (B,), the point that the farthest ones begin at.
        """
        far = ops.farthest_point_sample(points, SPREAD * self.count, start)
        return ops.chamfer_distance(keypoints, ops.gather(points, far))

    def deformation_losses(
        self, points: Tensor, others: Tensor, keypoints: Tensor, targets: Tensor
    ) -> Losses:
        """Return the losses of clouds (B, N, 3) deformed into others, by the keypoints (B, K, 3) of both."""
        with autocast(points.device, self.options.precision):
            deformed = self.deform(points, keypoints, targets)
        return {
            "chamfer": (1.0, ops.chamfer_distance(deformed.points, others)),
            "offset": (1e6, deformed.offset.square().mean()),
        }

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints as regressed, or the points nearest to these, with a confidence of 1."""
        keypoints = self(points)
        indices = ops.nearest_neighbours(keypoints, points)[..., 0]
        if (inference or self.config.inference) == "hard":
            keypoints = ops.gather(points, indices)
        return Found(keypoints, indices, torch.ones_like(keypoints[..., 0]))
