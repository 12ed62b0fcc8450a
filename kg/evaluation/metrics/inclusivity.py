"""Inclusivity, as SC3K (ICCV 2023) counts it: do the keypoints lie on the shape."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, mean_part


def inclusivity(keypoints: ArrayLike, points: ArrayLike, threshold: float = 0.05) -> NDArray[np.float64]:
    """Return the share of keypoints nearer than a threshold to the cloud, for each shape, (n,) percent.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.
        threshold: Euclidean distance in that space; a keypoint at exactly the threshold is out.
            Published results have normalised units.

    Raises:
        ValueError: An array has the wrong shape.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    near = arrays.nearest(predicted, cloud).distances < threshold
    return np.asarray(100 * near.mean(1))


METRIC = Metric(
    name="inclusivity",
    title="Do the keypoints lie on the shape, within a threshold in normalised units (SC3K)",
    units={"value": PERCENT},
    measure=lambda sample, terms: Measured(
        {"value": mean_part(inclusivity(sample.keypoints, sample.points, terms.threshold))}
    ),
    threshold=0.05,
)
