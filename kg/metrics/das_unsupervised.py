"""Dual alignment score without annotations, as SC3K (ICCV 2023) counts it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.metrics import arrays
from kg.metrics.metric import PERCENT, Metric, Sample


def order_agreement(keypoints: ArrayLike, reference: int = 0) -> float:
    """Return how often a keypoint is the nearest to its namesake on a reference shape, in percent.

    On each other shape, the keypoint nearest to the reference's i-th ought to be the i-th; of equally
    near ones the first counts. It says nothing of where on the shape keypoints lie: a fixed template of
    points scores 100.

    Args:
        keypoints: (n, K, 3), normalised.
        reference: Row of the reference; SC3K takes the first.

    Returns:
        The percentage; NaN for one shape, which leaves nothing to compare.

    Raises:
        ValueError: The array has the wrong shape.
    """
    return _against(arrays.clouds("keypoints", keypoints), reference)


def mean_order_agreement(keypoints: ArrayLike) -> float:
    """Return `order_agreement` averaged over every shape as the reference.

    A single reference decides tens of percent on a small set; this does not depend on the order of shapes.

    Raises:
        ValueError: The array has the wrong shape.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    return float(np.mean([_against(predicted, reference) for reference in range(len(predicted))]))


def _against(predicted: NDArray[np.float64], reference: int) -> float:
    count, K = predicted.shape[:2]
    if count == 1:
        return float("nan")
    # (K, 3, n): what is computed for all shapes at once stays contiguous.
    by_keypoint = np.ascontiguousarray(predicted.transpose(1, 2, 0))
    hits = np.zeros(count, np.int64)
    for number, place in enumerate(predicted[reference]):
        squared = np.square(by_keypoint - place[:, None]).sum(1)
        hits += squared.argmin(0) == number
    found = int(hits.sum() - hits[reference])
    return 100 * found / float((count - 1) * K)


def _measure(sample: Sample, _: float) -> dict[str, float]:
    return {
        "first": order_agreement(sample.keypoints),
        "mean": mean_order_agreement(sample.keypoints),
    }


METRIC = Metric(
    name="das-unsupervised",
    title="Is a keypoint the nearest to its namesake on a reference (SC3K's DAS); a template scores 100",
    units={"first": PERCENT, "mean": PERCENT},
    measure=_measure,
    compares=True,
    reference=True,
)
