"""SelfGeo: keypoints of a deforming thing that keep their distances along its surface."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from kg import ops
from kg.config import Inference, ModelConfig, TrainConfig
from kg.config.values import Bounds, read_values
from kg.model import MLP, Batch, Detector, Found, Losses
from kg.model.backbone import Features, check_features
from kg.model.detector import check_points
from kg.ops.precision import autocast, full_precision
from kg_detectors.heads import found_by_weights, make_backbone
from kg_detectors.sc3k.losses import separation_loss, shape_loss
from kg_detectors.selfgeo.geodesics import between_keypoints, geodesic_loss, smoothness_loss

RADIUS = 0.5
"""Of the clouds, as the losses see them."""


@dataclass(frozen=True)
class Options:
    """Options of its own, which `SelfGeo` explains."""

    places: Annotated[int, Bounds(0)] = 128
    release: bool = False


@dataclass(frozen=True, eq=False)
class Located:
    """What SelfGeo finds in clouds (B, N, 3).

    Attributes:
        weights: (B, N, K), summing to 1 over the points.
        keypoints: (B, K, 3).
        rebuilt: (B, M, 3), the cloud as it is rebuilt from keypoints, of as many points as it is trained on.
    """

    weights: Tensor
    keypoints: Tensor
    rebuilt: Tensor


class SelfGeo(Detector):
    """SelfGeo (Zohaib et al., ECCV 2024), over any backbone: learns from frames of things that deform.

    A batch is consecutive frames of one thing. Keypoints are to keep their distances along the surface.
    Written from the paper; the authors' PointNet++ has K points at its coarsest level, kg's has 16.

    Args:
        model: The network.
        train: The training.
        places: Points of each cloud that ways along it begin at; 0 for all, as the authors', who compute
            them beforehand.
        release: As the released code: the coverage loss of the whole batch at once, and a geodesic loss that
            is the larger the more frames a batch has.

    Raises:
        KgError: There is no backbone of the configured name, it has no such option, or an option of the
            detector cannot be read.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "keypoints": "12",
        "optimizer": "adam",
        "learning_rate": "0.001",
        "batch_size": "32",
        "epochs": "400",
    }
    needs_sequences = True

    def __init__(
        self,
        model: ModelConfig,
        train: TrainConfig | None = None,
        *,
        places: str = "128",
        release: str = "false",
    ) -> None:
        super().__init__()
        self.config, self.options = model, train or TrainConfig()
        options = {"places": places, "release": release}
        self.own = Options(**read_values(Options, options, prefix="detector."))
        self.backbone = make_backbone(model)
        self.minimum_points = self.backbone.minimum_points
        self.hidden, self.dropout = MLP(self.backbone.point_channels, (128,)), nn.Dropout(model.dropout)
        self.score = nn.Linear(128, model.keypoints)
        # Of each coordinate by itself, from those of all keypoints.
        self.decoder = MLP(model.keypoints, (256, 512, 1024))
        self.last = nn.Linear(1024, self.options.points)

    def forward(self, points: Tensor) -> Located:
        """Detect the keypoints of clouds (B, N, 3), centred and of `RADIUS`, and rebuild these.

        Raises:
            KgError: The clouds have fewer points than the backbone needs, or it gives what it does not
                declare.
        """
        check_points(self, f"selfgeo over {self.config.backbone}", points.shape[1])
        features: Features = self.backbone(points)
        check_features(self.backbone, points, features)
        hidden = self.dropout(self.hidden(features.point_features))
        with full_precision(points.device):
            weights = self.score(hidden.to(points.dtype)).softmax(dim=1)
            keypoints = weights.transpose(1, 2) @ points
        values = self.decoder(keypoints.transpose(1, 2))
        with full_precision(points.device):
            rebuilt = self.last(values.to(points.dtype)).transpose(1, 2)
        return Located(weights, keypoints, rebuilt)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the losses of consecutive frames of one thing."""
        points, _, _ = centred(batch.points)
        with autocast(points.device, self.options.precision):
            output = self(points)
        both = [shape_loss(output.rebuilt, points), shape_loss(points, output.rebuilt)]
        ways = between_keypoints(points, output.weights, self.own.places)
        return {
            "reconstruction": (1.0, torch.stack(both).mean()),
            "coverage": (2.5, separation_loss(output.keypoints, self.own.release)),
            "surface": (6.0, shape_loss(output.keypoints, points)),
            "smoothness": (2.0, smoothness_loss(output.keypoints)),
            "geodesic": (6.0, geodesic_loss(ways, self.own.release)),
        }

    def validation_losses(self, batch: Batch) -> Losses:
        """Return the same losses."""
        return self.losses(batch, 0)

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints as weighted means, or the points of the largest weight."""
        order = ops.canonical_order(points) if self.config.canonical else None
        output = self(centred(points if order is None else ops.gather(points, order))[0])
        weights = output.weights if order is None else ops.gather(output.weights, order.argsort(dim=1))
        with full_precision(points.device):
            # Weights sum to 1: the mean of the points is carried along.
            keypoints = weights.transpose(1, 2) @ points
            if (inference or self.config.inference) == "hard":
                keypoints = ops.gather(points, weights.argmax(dim=1))
        return found_by_weights(points, keypoints, weights)

    def reconstruct(self, points: Tensor, inference: Inference | None = None) -> Tensor:
        """Return the clouds (B, M, 3) that are rebuilt from keypoints."""
        clouds, scale, offset = centred(points)
        rebuilt: Tensor = self(clouds).rebuilt
        return rebuilt * scale + offset


def centred(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return clouds (B, N, 3) about the origin, of `RADIUS`, and what scales and moves them back."""
    offset = points.mean(1, keepdim=True)
    away = points - offset
    scale = away.norm(dim=2).amax(1)[:, None, None] / RADIUS
    return away / scale, scale, offset
