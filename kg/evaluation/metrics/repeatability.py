"""Repeatability: does the detector find the same places again, on another observation of the same shape."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import OF_DIAGONAL, Measured, Metric, Sample, Terms, mean_part

OBSERVATIONS: Mapping[str, float] = {"rotation": 180, "noise": 0.02, "resampling": 0.5}
"""Corruptions of `kg.data.corruptions`: turned anyhow, noise of σ = 0.02, half of the points left."""


def shift(keypoints: ArrayLike, again: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Return how far each keypoint lies from its namesake found again, (n, K), in percent of the diagonal.

    Args:
        keypoints: (n, K, 3).
        again: (n, K, 3), carried back to the same space.
        points: (n, N, 3) the clouds, whose bounding boxes have the diagonals.

    Raises:
        ValueError: An array has the wrong shape, or a cloud has no extent.
    """
    first = arrays.clouds("keypoints", keypoints)
    second = arrays.clouds("again", again, len(first))
    diagonal = arrays.extents(arrays.clouds("points", points, len(first)))
    return np.asarray(100 * np.linalg.norm(first - second, axis=2) / diagonal[:, None])


def _measure(sample: Sample, _: Terms) -> Measured:
    detector = sample.detector
    assert detector is not None
    return Measured(
        {
            name: mean_part(shift(sample.keypoints, detector.keypoints(name, level), sample.points))
            for name, level in OBSERVATIONS.items()
        }
    )


METRIC = Metric(
    name="repeatability",
    title="How far keypoints move when the shape is turned anyhow, noisy (σ 0.02), or half its points gone",
    units=dict.fromkeys(OBSERVATIONS, OF_DIAGONAL),
    measure=_measure,
    truth="detector",
    lower_is_better=frozenset(OBSERVATIONS),
)
