"""Skeleton Merger: keypoints that carry a skeleton, whose edges rebuild the cloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kg import ops
from kg.config import Inference, ModelConfig, TrainConfig
from kg.config.values import read_values
from kg.model import Adopted, Batch, Detector, Found, Losses
from kg.model.backbone import Features, check_features
from kg.model.detector import check_points
from kg.ops.precision import autocast, full_precision
from kg_detectors.heads import EdgeHead, KeypointHead, found_by_weights, make_backbone
from kg_detectors.skeleton_merger.losses import SAMPLES, composite_chamfer, edge_counts
from kg_detectors.skeleton_merger.released import adopt

RELEASED_BACKBONE = {"neighbours": "first", "sampling": "drawn"}


@dataclass(frozen=True)
class Options:
    """Options of its own, which `SkeletonMerger` explains."""

    release: bool = False


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What Skeleton Merger finds in clouds (B, N, 3).

    Attributes:
        keypoints: (B, K, 3).
        weights: (B, N, K), summing to 1 over the points.
        strengths: (B, E), 0 to 1, in the order of `kg.ops.edge_pairs`.
    """

    keypoints: Tensor
    weights: Tensor
    strengths: Tensor


class SkeletonMerger(Detector):
    """Skeleton Merger (Shi et al., CVPR 2021), over any backbone.

    Args:
        model: The network.
        train: The training.
        release: As the released code, with its faults: the points of an edge are counted for the whole
            batch, so that a cloud's loss depends on the others; PointNet++ samples anew in evaluation, so
            that keypoints differ each time; clouds are not sorted.

    Raises:
        KgError: There is no backbone of the configured name, it has no such option, or an option of the
            detector cannot be read.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "keypoints": "10",
        "normalisation": "range",
        "optimizer": "adadelta",
        "learning_rate": "1",
        "adadelta_eps": "0.01",
        "epochs": "80",
        "batch_size": "8",
    }

    def __init__(
        self, model: ModelConfig, train: TrainConfig | None = None, *, release: str = "false"
    ) -> None:
        super().__init__()
        self.config, self.options = model, train or TrainConfig()
        self.own = Options(**read_values(Options, {"release": release}, prefix="detector."))
        released = self.own.release and model.backbone == "pointnet2"
        self.backbone = make_backbone(model, **(RELEASED_BACKBONE if released else {}))
        self.recordable, self.minimum_points = self.backbone.recordable, self.backbone.minimum_points
        edges = model.keypoints * (model.keypoints - 1) // 2
        self.keypoint_head = KeypointHead(self.backbone.point_channels, model.keypoints, model.dropout)
        self.edge_head = EdgeHead(self.backbone.global_channels, edges)
        self.offsets = nn.Parameter(0.002 * torch.randn(edges, SAMPLES, 3))

    def forward(self, points: Tensor, *, inference: Inference = "soft") -> Skeleton:
        """Detect the keypoints of clouds.

        Args:
            points: (B, N, 3) in [-1, 1].
            inference: "soft", the weighted mean of the cloud, or "hard", its point of the largest weight.

        Raises:
            KgError: The clouds have fewer points than the backbone needs, or it gives what it does not
                declare.
        """
        check_points(self, f"skeleton-merger over {self.config.backbone}", points.shape[1])
        order = None
        if self.config.canonical and not self.training and not self.own.release:
            order = ops.canonical_order(points)
            points = ops.gather(points, order)
        features: Features = self.backbone(points)
        check_features(self.backbone, points, features)
        logits = self.keypoint_head(features.point_features)
        strengths = self.edge_head(features.global_feature)
        weights = logits.softmax(dim=1)
        with full_precision(points.device):
            if inference == "hard":
                keypoints = ops.gather(points, logits.argmax(dim=1))
            else:
                keypoints = weights.transpose(1, 2) @ points
        if order is not None:
            weights = ops.gather(weights, order.argsort(dim=1))
        return Skeleton(keypoints, weights, strengths)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the three terms of the composite Chamfer distance, and what keeps the offsets small."""
        with autocast(batch.points.device, self.options.precision):
            output = self(batch.points)
        counts = edge_counts(output.keypoints, coupled=self.own.release)
        terms = composite_chamfer(batch.points, output.keypoints, output.strengths, self.offsets, counts)
        return {
            "forward": (1.0, terms.forward),
            "backward": (1.0, terms.backward),
            "residual": (20.0, terms.residual),
            "offsets": (0.01, self.offsets.square().sum()),
        }

    def validation_losses(self, batch: Batch) -> Losses:
        """Return the same losses."""
        return self.losses(batch, 0)

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints and the strengths of edges; see `found_by_weights` for the confidence."""
        output = self(points, inference=inference or self.config.inference)
        return found_by_weights(points, output.keypoints, output.weights, output.strengths)

    @classmethod
    def adopt(cls, content: Mapping[str, Any]) -> Adopted | None:
        """Return what a checkpoint of the released training script says in kg's terms."""
        return adopt(content, cls.defaults)
