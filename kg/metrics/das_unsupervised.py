"""Dual alignment score without annotations, as SC3K (ICCV 2023) counts it."""

import numpy as np
from numpy.typing import ArrayLike

from kg.metrics import arrays
from kg.metrics.metric import PERCENT, Metric


def order_agreement(keypoints: ArrayLike) -> float:
    """Return how often a keypoint is the nearest to its namesake on the first shape, in percent.

    The first shape is the reference. On each other shape, the keypoint nearest to the reference's i-th
    ought to be the i-th; of equally near ones the first counts. It says nothing of where on the shape
    keypoints lie: a fixed template of points scores 100.

    Args:
        keypoints: (n, K, 3), normalised.

    Returns:
        The percentage; NaN for one shape, which leaves nothing to compare.

    Raises:
        ValueError: The array has the wrong shape.
    """
    reference, others = np.split(arrays.clouds("keypoints", keypoints), [1])
    if len(others) == 0:
        return float("nan")
    found = arrays.nearest(np.broadcast_to(reference, others.shape), others).indices
    return 100 * float(np.mean(found == np.arange(reference.shape[1])))


METRIC = Metric(
    name="das-unsupervised",
    title="Is a keypoint the nearest to its namesake on the first shape (SC3K's DAS); a template scores 100",
    units={"value": PERCENT},
    measure=lambda sample, _: {"value": order_agreement(sample.keypoints)},
    compares=True,
    reference=True,
)
