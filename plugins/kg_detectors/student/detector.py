"""A student: the keypoints that a teacher finds on shapes in their category's pose, on shapes in any pose."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg import ops
from kg.config import Config, Inference, ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch, Detector, Examples, Found, Losses
from kg.model.backbone import check_features
from kg.model.detector import check_points
from kg.ops.precision import autocast, full_precision
from kg_detectors.heads import found_by_weights, make_backbone, usual_keypoints

WIDTH = 128
"""Channels of the hidden layer."""
NEAR = 0.12
"""Standard deviation of the weights that are taught around a keypoint, normalised units."""
PLACE = 4.0
"""Weight of where a keypoint comes to lie, beside the loss of the weights."""


class Student(Detector):
    """Learns the keypoints of a teacher, which sees shapes as their category lies, on shapes that are turned.

    That is USEEK's distillation (Xue et al., ICRA 2023): keypoints are learnt without labels where shapes lie
    alike, and then carried to any pose. Every point has a weight for each keypoint; these are taught to be
    those of a normal distribution around the teacher's keypoint, and their mean to lie on it. A keypoint is a
    mean of the cloud's points, so that over a backbone that does not see poses (`framed`) keypoints turn with
    the shape exactly.

    Args:
        model: The network.
        train: The training, which names the teacher.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "backbone": "framed",
        "normalisation": "longest-side",
        "epochs": "40",
        "turn": "all",
        "jitter": "0.003",
        "optimizer": "adamw",
        "learning_rate": "0.002",
        "gradient_norm": "1",
        "averaging": "0.99",
        "schedule": "one-cycle",
    }
    needs_teacher = True

    reference: Tensor

    def __init__(self, model: ModelConfig, train: TrainConfig) -> None:
        super().__init__()
        self.config, self.options = model, train
        self.backbone = make_backbone(model)
        self.recordable, self.minimum_points = self.backbone.recordable, self.backbone.minimum_points
        self.own = nn.Linear(self.backbone.point_channels, WIDTH)
        self.whole = nn.Linear(self.backbone.global_channels, WIDTH)
        self.score = nn.Linear(WIDTH, model.keypoints)
        self.register_buffer("reference", torch.zeros(model.keypoints, 3))

    def check(self) -> None:
        """Refuse axes that are stretched each by itself: turned, the same shape would be another."""
        if self.config.normalisation == "stretch":
            raise KgError(
                "Clouds that are turned cannot be stretched to their boxes: that would be another shape each "
                "time.",
                "Leave --set normalisation=stretch out; a teacher may have it.",
            )

    def fit(self, examples: Examples) -> None:
        """Learn where keypoints usually are in the category's pose: the median over its shapes."""
        self.reference.copy_(usual_keypoints(examples.points, examples.keypoints, len(self.reference)))

    def follow_teacher(self, teacher: Detector, config: Config, examples: Examples) -> None:
        """See `Detector.follow_teacher`: whatever it is, its keypoints say all."""
        return

    def category_keypoints(self) -> Tensor:
        """See `Detector.category_keypoints`."""
        return self.reference

    def forward(self, points: Tensor) -> Tensor:
        """Return the logits of the points' weights for each keypoint, (B, N, K)."""
        check_points(self, f"student over {self.config.backbone}", points.shape[1])
        features = self.backbone(points)
        check_features(self.backbone, points, features)
        hidden = self.own(features.point_features) + self.whole(features.global_feature)[:, None]
        with full_precision(points.device):
            logits: Tensor = self.score(hidden.relu().float())
        return logits

    def losses(self, batch: Batch, stage: int) -> Losses:
        """See `Detector.losses`."""
        return self._terms(batch)

    def validation_losses(self, batch: Batch) -> Losses:
        """See `Detector.validation_losses`."""
        return self._terms(batch)

    def _terms(self, batch: Batch) -> Losses:
        points, keypoints = batch.points, batch.keypoints
        assert keypoints is not None
        with autocast(points.device, self.options.precision):
            logits = self(points)
        apart = torch.cdist(points, keypoints, compute_mode="donot_use_mm_for_euclid_dist")  # (B, N, K)
        # A keypoint may lie off the cloud: what counts is how much nearer one point is than another.
        taught = (-apart.square() / (2 * NEAR**2)).softmax(1)
        heat = functional.kl_div(logits.log_softmax(1), taught, reduction="none").sum(1).mean()
        place = (logits.softmax(1).transpose(1, 2) @ points - keypoints).norm(dim=2).mean()
        return {"heat": (1.0, heat), "place": (PLACE, place)}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints; the confidence of each is the share of its weight that lies near it."""
        order = ops.canonical_order(points) if self.config.canonical else None
        logits = self(points if order is None else ops.gather(points, order))
        if order is not None:
            logits = ops.gather(logits, order.argsort(1))
        weights = logits.softmax(1)
        with full_precision(points.device):
            hard = (inference or self.config.inference) == "hard"
            keypoints = ops.gather(points, logits.argmax(1)) if hard else weights.transpose(1, 2) @ points
        return found_by_weights(points, keypoints, weights)
