"""SC3K: keypoints that agree between two posed views of a shape."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from kg import ops
from kg.config import Inference, ModelConfig, TrainConfig
from kg.config.values import read_values
from kg.model import MLP, Adopted, Batch, Detector, Found, Losses
from kg.ops.precision import autocast, full_precision
from kg_detectors.heads import found_by_weights
from kg_detectors.sc3k.losses import (
    consistency_loss,
    overlap_loss,
    pose_loss,
    separation_loss,
    shape_loss,
    volume_loss,
)
from kg_detectors.sc3k.poses import ELEVATIONS, Poses, camera, draw_poses, posed
from kg_detectors.sc3k.released import adopt


@dataclass(frozen=True)
class Options:
    """Options of its own, which `SC3K` explains."""

    release: bool = False
    poses: Poses = "cameras"
    up: Literal["y", "z"] = "y"


class Transform(nn.Module):
    """A square matrix for each cloud, from values (B, N, C) to (B, C, C): the identity and what is learnt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.points, self.whole = MLP(channels, (64, 128, 1024)), MLP(1024, (512, 256))
        self.matrix = nn.Linear(256, channels * channels)
        self.channels = channels

    def forward(self, values: Tensor) -> Tensor:
        """Return the matrices."""
        pooled = self.whole(self.points(values).amax(1))
        with full_precision(values.device):
            learnt: Tensor = self.matrix(pooled)
        identity = torch.eye(self.channels, dtype=learnt.dtype, device=learnt.device)
        return learnt.view(-1, self.channels, self.channels) + identity


class Encoder(nn.Module):
    """PointNet without its pooling: clouds (B, N, 3) to features (B, N, 1024).

    A point knows of the others through the two transforms alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place, self.first = Transform(3), MLP(3, (64,))
        self.feature, self.rest = Transform(64), MLP(64, (128, 1024))

    def forward(self, points: Tensor) -> Tensor:
        """Return the features."""
        place = self.place(points)
        with full_precision(points.device):
            turned = points @ place
        values = self.first(turned)
        features: Tensor = self.rest(values @ self.feature(values))
        return features


class Residual(nn.Module):
    """Features (B, N, a) to (B, N, b); the way past the hidden layer shares the layer after it."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.hidden, self.out = MLP(channels, (channels,)), nn.Linear(channels, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, values: Tensor) -> Tensor:
        """Return the features."""
        return (self._last(self.hidden(values)) + self._last(values)).relu()

    def _last(self, values: Tensor) -> Tensor:
        out = self.out(values)
        normed: Tensor = self.norm(out.flatten(0, 1)).view(out.shape)
        return normed


class SC3K(Detector):
    """SC3K (Zohaib and Del Bue, ICCV 2023).

    Each step sees each cloud in two random poses. A cloud to evaluate is seen in one pose, always the same.
    The configured backbone is not used.

    Args:
        model: The network.
        train: The training.
        release: As the released code: separation, overlap and pose losses of the whole batch at once, and
            the shape loss from the cloud to the keypoints.
        poses: "cameras", upright views from around and slightly above, as the authors'; "all", any.
        up: The vertical axis of the clouds; y in KeypointNet and ShapeNet.

    Raises:
        KgError: An option of the detector cannot be read.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "keypoints": "10",
        "normalisation": "range",
        "optimizer": "adam",
        "learning_rate": "0.001",
        "batch_size": "26",
        # Five of the authors', who take each shape in 24 poses.
        "epochs": "120",
    }

    def __init__(
        self,
        model: ModelConfig,
        train: TrainConfig | None = None,
        *,
        release: str = "false",
        poses: str = "cameras",
        up: str = "y",
    ) -> None:
        super().__init__()
        self.config, self.options = model, train or TrainConfig()
        options = {"release": release, "poses": poses, "up": up}
        self.own = Options(**read_values(Options, options, prefix="detector."))
        self.encoder = Encoder()
        self.blocks = nn.Sequential(Residual(1024, 512), Residual(512, 256))
        self.score = nn.Linear(256, model.keypoints)

    def forward(self, points: Tensor) -> Tensor:
        """Return weights (B, N, K) of the points of posed clouds (B, N, 3), summing to 1 over these."""
        values = self.blocks(self.encoder(points))
        with full_precision(points.device):
            scores: Tensor = self.score(values.to(points.dtype))
        return scores.softmax(dim=1)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the losses of two random views of each cloud."""
        return self._of_views(batch.points, torch.default_generator)

    def validation_losses(self, batch: Batch) -> Losses:
        """Return the losses of two views of each cloud, the same each time."""
        return self._of_views(batch.points, torch.Generator().manual_seed(0))

    def _of_views(self, points: Tensor, generator: torch.Generator) -> Losses:
        poses = [draw_poses(len(points), self.own.poses, self.own.up, generator).to(points) for _ in range(2)]
        views = [posed(points, pose) for pose in poses]
        with autocast(points.device, self.options.precision):
            weights = [self(view) for view in views]
        with full_precision(points.device):
            keypoints = [one.transpose(1, 2) @ view for one, view in zip(weights, views, strict=True)]
            between = poses[1].transpose(1, 2) @ poses[0]
            return self.losses_of(keypoints, views, between)

    def losses_of(self, keypoints: list[Tensor], views: list[Tensor], between: Tensor) -> Losses:
        """Return the losses of keypoints (B, K, 3) of two views (B, N, 3).

        Args:
            keypoints: Of each view.
            views: The clouds.
            between: (B, 3, 3), what rows of the second view are multiplied with to be in the first.
        """
        released, both = self.own.release, list(zip(keypoints, views, strict=True))
        first, second = keypoints
        return {
            "separation": (1.0, sum_of([separation_loss(one, released) for one in keypoints])),
            "overlap": (1.0, sum_of([overlap_loss(one, released) for one in keypoints])),
            "shape": (6.0, sum_of([shape_loss(one, view, released) for one, view in both])),
            "volume": (1.0, sum_of([volume_loss(one, view) for one, view in both])),
            "consistency": (1.0, consistency_loss(first, second, between)),
            "pose": (0.07, pose_loss(first, second, between, released)),
        }

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints as weighted means, or the points of the largest weight."""
        order = None
        if self.config.canonical:
            order = ops.canonical_order(points)
            points = ops.gather(points, order)
        azimuth = points.new_zeros(1)
        elevation = azimuth + math.radians(sum(ELEVATIONS) / 2)
        weights = self(posed(points, camera(azimuth, elevation, self.own.up)))
        with full_precision(points.device):
            # Weights sum to 1: the mean of the posed points is the posed mean of the points.
            keypoints = weights.transpose(1, 2) @ points
            if (inference or self.config.inference) == "hard":
                keypoints = ops.gather(points, weights.argmax(dim=1))
        if order is not None:
            back = order.argsort(dim=1)
            points, weights = ops.gather(points, back), ops.gather(weights, back)
        return found_by_weights(points, keypoints, weights)

    @classmethod
    def adopt(cls, content: Mapping[str, Any]) -> Adopted | None:
        """Return what a checkpoint of the released training script says in kg's terms."""
        return adopt(content, cls.defaults)


def sum_of(losses: list[Tensor]) -> Tensor:
    """Return the sum of scalars."""
    return torch.stack(losses).sum()
