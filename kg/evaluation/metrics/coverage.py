"""Coverage, as SC3K (ICCV 2023) counts it: do the keypoints reach as far as the shape."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.data.box import diagonals
from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, mean_part


def coverage(keypoints: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Return how far the keypoints' box is as large as the cloud's, for each shape, (n,) percent.

    1 - |D - d| / D, at least 0, where D and d are the lengths of the diagonals of the axis-aligned
    bounding boxes of the cloud and of the keypoints. Where the boxes lie does not count.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.

    Raises:
        ValueError: An array has the wrong shape, or a cloud has no extent.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    whole = arrays.extents(arrays.clouds("points", points, len(predicted)))
    return 100 * np.maximum(0, 1 - np.abs(whole - diagonals(predicted)) / whole)


METRIC = Metric(
    name="coverage",
    title="Do the keypoints reach as far as the shape (SC3K)",
    units={"value": PERCENT},
    measure=lambda sample, _: Measured({"value": mean_part(coverage(sample.keypoints, sample.points))}),
)
