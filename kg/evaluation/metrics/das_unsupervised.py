"""Dual alignment score without annotations, as SC3K (ICCV 2023) counts it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, Part, Sample, Statistic, Terms, mean_part


def order_agreement(keypoints: ArrayLike, reference: int = 0) -> float:
    """Return how often a keypoint is the nearest to its namesake on a reference shape, in percent.

    On each other shape, the i-th keypoint ought to be nearer to the reference's i-th than any other. A tie
    does not count, so that keypoints in one place have 0. It says nothing of where on the shape keypoints
    lie: a fixed template of points scores 100.

    Args:
        keypoints: (n, K, 3), normalised.
        reference: Row of the reference; SC3K takes the first.

    Returns:
        The percentage; NaN for one shape, which leaves nothing to compare.

    Raises:
        ValueError: The array has the wrong shape.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    others = np.delete(_hits(predicted, reference), reference, axis=0)
    return 100 * float(others.mean()) if len(others) else float("nan")


def mean_order_agreement(keypoints: ArrayLike) -> float:
    """Return `order_agreement` averaged over every shape as the reference.

    A single reference decides tens of percent on a small set; this does not depend on the order of shapes.

    Raises:
        ValueError: The array has the wrong shape.
    """
    shares = _shares(arrays.clouds("keypoints", keypoints))
    return float(_of_pairs(shares)(np.ones((1, len(shares))))[0])


def _hits(predicted: NDArray[np.float64], reference: int) -> NDArray[np.bool_]:
    """Return whether keypoint i of shape s is nearer to the reference's i-th than any other is, (n, K)."""
    # (K, 3, n): what is computed for all shapes at once stays contiguous.
    by_keypoint = np.ascontiguousarray(predicted.transpose(1, 2, 0))
    hits = []
    for number, place in enumerate(predicted[reference]):
        away = np.square(by_keypoint - place[:, None]).sum(1)
        own = away[number].copy()
        away[number] = np.inf
        hits.append(own < away.min(0))
    return np.stack(hits, axis=1)


def _shares(predicted: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the share of hits of shape s against reference r at [r, s], 0 where both are the same."""
    shares = np.stack([_hits(predicted, row).mean(1, dtype=np.float32) for row in range(len(predicted))])
    np.fill_diagonal(shares, 0)
    return shares


def _of_pairs(shares: NDArray[np.float32]) -> Statistic:
    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = np.square(weights.sum(1)) - np.square(weights).sum(1)
        hits = ((weights @ shares) * weights).sum(1)
        return arrays.divide(100 * hits, pairs)

    return statistic


def _measure(sample: Sample, _: Terms) -> Measured:
    predicted = arrays.clouds("keypoints", sample.keypoints)
    first = 100.0 * _hits(predicted, 0)
    # The reference agrees with itself: it has no say.
    first[0] = np.nan
    shares = _shares(predicted)
    with np.errstate(invalid="ignore"):
        of_shape = 100 * shares.sum(0, dtype=np.float64) / (len(shares) - 1)
    return Measured({"first": mean_part(first), "mean": Part(_of_pairs(shares), of_shape)})


METRIC = Metric(
    name="das-unsupervised",
    title="Is a keypoint the nearest to its namesake on a reference (SC3K's DAS); a template scores 100",
    units={"first": PERCENT, "mean": PERCENT},
    measure=_measure,
    compares=True,
    reference=True,
    caution="It rewards keypoints that stand still: one set of points for all shapes has 100, and one that "
    "follows folded cloth perfectly about 59. Read it beside coverage, spread and correspondence.",
)
