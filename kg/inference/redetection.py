"""The detector once more, on other observations of shapes whose keypoints are predicted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kg.data.corruptions import corrupt
from kg.data.normalise import to_source
from kg.data.store import Clouds
from kg.errors import KgError
from kg.inference.alignment import category_keypoints
from kg.inference.options import DetectOptions, ViewOptions
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor
from kg.inference.targets import maker_of

BATCH = 8


@dataclass(frozen=True, eq=False)
class Redetection:
    """Detects anew on the clouds of predictions, corrupted or not.

    Attributes:
        detector: That made the predictions.
        predictions: What it found.
        seed: Of what is random in a corruption.
        advance: Called with (done, total) clouds, and `text=` what is done to them.
    """

    detector: Predictor
    predictions: Predictions
    seed: int = 0
    advance: Callable[..., None] = lambda done, total, text: None
    _found: dict[tuple[str, float], NDArray[np.float32]] = field(default_factory=dict)

    def keypoints(self, corruption: str, level: float) -> NDArray[np.float32]:
        """Return the keypoints (n, K, 3) of the corrupted clouds, carried back to the clean ones.

        They are kept: several metrics ask for the same.

        Raises:
            KgError: There is no such corruption or level.
        """
        if (corruption, level) not in self._found:
            self._found[corruption, level] = self._detect(corruption, level)
        return self._found[corruption, level]

    def category_keypoints(self) -> NDArray[np.float64]:
        """Return where keypoints usually are in the category's pose, (K, 3), of any size and place.

        Raises:
            KgError: The detector does not say, and its training data are not here.
        """
        return category_keypoints(self.detector)

    def _detect(self, corruption: str, level: float) -> NDArray[np.float32]:
        meta = self.predictions.meta
        seen, undo = corrupt(self._clouds(), corruption, level, self.seed)
        predictions = self.detector.detect(
            seen,
            DetectOptions(meta["inference"], BATCH, meta.get("precision", "fp32")),
            category=self.detector.known(meta.get("category")),
            progress=lambda done, total: self.advance(done, total, text=f"{corruption} {level:g}"),
        )
        return undo(predictions.keypoints)

    def corrupted(self, corruption: str, level: float) -> Predictions:
        """Return the predictions with the keypoints that are found in the corrupted clouds.

        Clouds and ground truth stay the clean ones: it is the same shape, seen worse.
        """
        keypoints = self.keypoints(corruption, level)
        there = to_source(keypoints, self.predictions.scale, self.predictions.offset)
        # Which were visible was said of the clean clouds.
        return replace(self.predictions, keypoints=keypoints, keypoints_source=there, visible=None)

    @torch.no_grad()
    def reconstructions(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the decoder's clouds (n, N, 3) and the clouds that they ought to be."""
        points, made = self.predictions.points, []
        for first in range(0, len(points), BATCH):
            rows = slice(first, first + BATCH)
            scale, offset = self.predictions.scale[rows], self.predictions.offset[rows]
            clouds, from_device = self.detector.to_device(points[rows], scale, offset)
            batch, carry_back = self.detector.to_training_frame(clouds)
            rebuilt = self.detector.checkpoint.model.reconstruct(batch, self.predictions.meta["inference"])
            if rebuilt is None:
                raise KgError("The detector does not rebuild clouds, so that there is nothing to compare.")
            made.append(from_device(carry_back(rebuilt)).cpu().numpy())
            self.advance(min(first + BATCH, len(points)), len(points), text="reconstruction")
        return np.concatenate(made), points

    def _clouds(self) -> Clouds:
        predictions = self.predictions
        return Clouds(
            ids=predictions.ids.tolist(),
            objects=predictions.objects.tolist(),
            frame=np.zeros(len(predictions), np.int32),
            points=predictions.points,
            scale=predictions.scale,
            offset=predictions.offset,
        )


def detector_of(meta: dict[str, Any], device: torch.device) -> Predictor | None:
    """Return the detector that made predictions, by what they say; None where its run is not here."""
    checkpoint = maker_of(meta)
    if checkpoint is None:
        return None
    return Predictor.load(checkpoint, None, device, ViewOptions.of(meta))
