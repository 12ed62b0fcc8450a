"""A detector of which some keypoints are left."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kg import ops
from kg.config import Inference
from kg.model.detector import Batch, Detector, Found, HeatmapUse, Losses
from kg.model.turns import Search

WHOLE = "whole"


class Chosen(Detector):
    """Those keypoints of a trained detector that were chosen (`--keypoints auto`).

    All else that it does is the whole detector's: it rebuilds clouds from all keypoints.

    Args:
        whole: The detector, trained with more.
        rows: Numbers of its keypoints that are left, in the order that they have from now on.
        count: K, how many it has.
    """

    rows: Tensor
    pairs: Tensor

    def __init__(self, whole: Detector, rows: Sequence[int], count: int) -> None:
        super().__init__()
        self.whole = whole
        self.recordable, self.minimum_points = whole.recordable, whole.minimum_points
        of_pair = torch.zeros(count, count, dtype=torch.int64)
        first, second = ops.edge_pairs(count).unbind(1)
        of_pair[first, second] = of_pair[second, first] = torch.arange(len(first))
        left = torch.tensor(rows)
        first, second = left[ops.edge_pairs(len(rows))].unbind(1)
        # They follow from the configuration, and are not part of the weights.
        self.register_buffer("rows", left, persistent=False)
        self.register_buffer("pairs", of_pair[first, second], persistent=False)

    @staticmethod
    def state_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the state that it has if this is the whole detector's."""
        return {f"{WHOLE}.{name}": value for name, value in state.items()}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return the keypoints that are left."""
        return self._left(self.whole.find(points, inference))

    def track(self, points: Tensor, positions: Tensor) -> Found:
        """Return the keypoints that are left."""
        return self._left(self.whole.track(points, positions))

    def category_keypoints(self) -> Tensor | None:
        """Return where those that are left usually are."""
        usual = self.whole.category_keypoints()
        return None if usual is None else usual[self.rows]

    def _left(self, detections: Found) -> Found:
        return replace(
            detections,
            keypoints=detections.keypoints[:, self.rows],
            indices=detections.indices[:, self.rows],
            confidences=detections.confidences[:, self.rows],
            edges=None if detections.edges is None else detections.edges[:, self.pairs],
            visible=None if detections.visible is None else detections.visible[:, self.rows],
        )

    def assume(self, category: str | None) -> None:
        """See `Detector.assume`."""
        self.whole.assume(category)

    def read_at(self, anchors: str) -> None:
        """See `Detector.read_at`."""
        self.whole.read_at(anchors)

    def turn_back(self, search: Search) -> bool:
        """See `Detector.turn_back`."""
        return self.whole.turn_back(search)

    def look_at(self, views: int) -> None:
        """See `Detector.look_at`."""
        self.whole.look_at(views)

    def reconstruct(self, points: Tensor, inference: Inference | None = None) -> Tensor | None:
        """See `Detector.reconstruct`."""
        return self.whole.reconstruct(points, inference)

    def heatmap_use(self, points: Tensor, inference: Inference | None = None) -> HeatmapUse | None:
        """See `Detector.heatmap_use`."""
        return self.whole.heatmap_use(points, inference)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """See `Detector.losses`."""
        return self.whole.losses(batch, stage)

    def validation_losses(self, batch: Batch) -> Losses:
        """See `Detector.validation_losses`."""
        return self.whole.validation_losses(batch)
