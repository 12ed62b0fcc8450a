"""One set of points for all shapes: what a detector has to pass to be said to look at a shape."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from kg.config import Inference, ModelConfig, TrainConfig
from kg.model import Batch, Detector, Examples, Found, Losses
from kg.ops import farthest_point_sample, nearest_neighbours


class Template(Detector):
    """The same K places on every cloud, each moved to the cloud's nearest point.

    On the first training cloud the K farthest points are chosen, the one farthest from the mean first. On
    each training cloud the nearest points to these are looked up; the template is their mean. There is
    nothing to train.
    """

    defaults: ClassVar[Mapping[str, str]] = {"epochs": "1"}
    places: Tensor

    def __init__(self, model: ModelConfig, train: TrainConfig) -> None:
        super().__init__()
        self.register_buffer("places", torch.zeros(model.keypoints, 3))

    def fit(self, examples: Examples) -> None:
        """Take the mean over the training clouds."""
        points = examples.points
        first = points[:1]
        start = (first - first.mean(1, keepdim=True)).square().sum(2).argmax(1)
        spread = first[0, farthest_point_sample(first, len(self.places), start)[0]]
        places = _at(points, nearest_neighbours(spread.expand(len(points), -1, -1), points)[..., 0])
        self.places.copy_(places.mean(0))

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return none."""
        return {}

    def validation_losses(self, batch: Batch) -> Losses:
        """Return none."""
        return {}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return the points nearest to the template, with a confidence of 1."""
        indices = nearest_neighbours(self.places.to(points).expand(len(points), -1, -1), points)[..., 0]
        keypoints = _at(points, indices)
        return Found(keypoints, indices, torch.ones_like(keypoints[..., 0]))


def _at(points: Tensor, indices: Tensor) -> Tensor:
    """Return the points (B, K, 3) of clouds (B, N, 3) with indices (B, K)."""
    return points.gather(1, indices[..., None].expand(-1, -1, 3))
