"""What detectors over a backbone share: weights of points for keypoints, strengths of edges, the readout."""

import torch
from torch import Tensor, nn

from kg import ops, plugins
from kg.config import ModelConfig
from kg.errors import KgError
from kg.model import Found
from kg.model.backbone import Backbone
from kg.model.layers import MLP
from kg.model.making import check_options
from kg.model.normalisation import normalised
from kg.ops.precision import full_precision

NEARBY = 0.1
"""Distance, in normalised units, within which a keypoint's weight counts as its own."""


class KeypointHead(nn.Module):
    """Weights of every point for every keypoint: features (B, N, C) to logits (B, N, K)."""

    def __init__(self, channels: int, keypoints: int, dropout: float) -> None:
        super().__init__()
        self.hidden = MLP(channels, [128])
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(128, keypoints)
        self.mix = nn.Linear(keypoints, keypoints)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits, (B, N, K)."""
        hidden = self.dropout(self.hidden(features))
        with full_precision(features.device):
            scores = self.score(hidden)
            logits: Tensor = self.mix(scores.log_softmax(dim=2))
        return logits


class EdgeHead(nn.Module):
    """Weights of the skeleton's edges: a global feature (B, G) to (B, E) in 0 to 1."""

    def __init__(self, channels: int, edges: int) -> None:
        super().__init__()
        self.hidden = MLP(channels, [512, 256])
        self.score = nn.Linear(256, edges)

    def forward(self, feature: Tensor) -> Tensor:
        """Return the weights, (B, E)."""
        hidden = self.hidden(feature)
        with full_precision(feature.device):
            score: Tensor = self.score(hidden)
        return score.sigmoid()


def make_backbone(config: ModelConfig, **own: str) -> Backbone:
    """Return a new backbone, as configured.

    Args:
        config: Names the backbone and its options.
        own: Options that a detector gives it where the configuration says nothing else.

    Raises:
        KgError: There is no backbone of that name, it has no such option, or it has one level only.
    """
    kind = plugins.BACKBONES.load(config.backbone)
    options = own | config.backbone_options
    check_options(f"backbone {config.backbone}", kind, options)
    made: Backbone = kind(**options)
    if len(made.level_channels) < 2:
        raise KgError(f"The backbone {config.backbone} has one level; a detector needs two levels or more.")
    return made


def found_by_weights(
    points: Tensor, keypoints: Tensor, weights: Tensor, edges: Tensor | None = None
) -> Found:
    """Return keypoints with the nearest points, and the share of each one's weight near it as confidence.

    Args:
        points: (B, N, 3).
        keypoints: (B, K, 3).
        weights: (B, N, K), summing to 1 over the points.
        edges: (B, E), or None.
    """
    with full_precision(points.device):
        nearest = ops.nearest_neighbours(keypoints, points)[..., 0]
        distance = torch.cdist(points, keypoints, compute_mode="donot_use_mm_for_euclid_dist")
        confidence = (weights * (distance <= NEARBY)).sum(1)
    return Found(keypoints, nearest, confidence, edges)


def usual_keypoints(points: Tensor, keypoints: Tensor | None, count: int) -> Tensor:
    """Return where a teacher's keypoints usually are in their category's pose, (K, 3): the median of shapes.

    Args:
        points: (n, P, 3), the shapes.
        keypoints: (n, K, 3), the teacher's, in the same coordinates.
        count: How many keypoints the student has.

    Raises:
        KgError: The teacher has another number.
    """
    assert keypoints is not None
    if keypoints.shape[1] != count:
        raise KgError(
            f"The teacher has {keypoints.shape[1]} keypoints, and {count} are asked for.",
            "Leave --keypoints out: a student has its teacher's.",
        )
    _, scaling = normalised(points, "longest-side")
    usual: Tensor = ((keypoints - scaling.offset) / scaling.scale).median(0).values
    return usual
