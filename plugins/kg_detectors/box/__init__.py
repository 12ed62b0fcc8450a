"""The corners of each cloud's own bounding box: what a detector has to pass to be worth its training."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from kg.config import Inference, ModelConfig, TrainConfig
from kg.data.box import box_places
from kg.errors import KgError
from kg.model import Batch, Detector, Found, Losses
from kg.ops import nearest_neighbours

PLACES = 10


class Box(Detector):
    """Keypoints at the 8 corners of a cloud's box, axis by axis, and at the centres of its top and bottom.

    They are where the box has them, not moved to the cloud. With fewer keypoints it is the first of the
    ten, of which two are opposite corners. Nothing is learnt.
    """

    defaults: ClassVar[Mapping[str, str]] = {"epochs": "1"}

    def __init__(self, model: ModelConfig, train: TrainConfig) -> None:
        super().__init__()
        self.count = model.keypoints

    def check(self) -> None:
        """Refuse more keypoints than there are places."""
        if self.count > PLACES:
            raise KgError(
                f"A box has {PLACES} places, not {self.count}.", f"Use --keypoints {PLACES} or fewer."
            )

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return none."""
        return {}

    def validation_losses(self, batch: Batch) -> Losses:
        """Return none."""
        return {}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return places of the boxes, with a confidence of 1."""
        places = box_places(points.cpu().numpy(), self.count)
        keypoints = torch.from_numpy(places).to(points)
        indices = nearest_neighbours(keypoints, points)[..., 0]
        return Found(keypoints, indices, torch.ones_like(keypoints[..., 0]))
