"""Spread: do keypoints keep apart, or collapse onto each other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import OF_DIAGONAL, Measured, Metric, Sample, Terms, mean_part

TOUCHING = 1.0
"""Percent of the diagonal below which two keypoints count as one."""

MOST = 0.5
"""Share of the shapes above which keypoints are said to have collapsed."""


class Spread(NamedTuple):
    """Of each shape, all (n,): distances in percent of the diagonal of the cloud's bounding box.

    Attributes:
        least: Distance of the two keypoints that are closest to each other; NaN for a single keypoint.
        mean: Mean distance over all pairs of keypoints; NaN for a single keypoint.
        distinct: How many cloud points are nearest to some keypoint, 1 to K.
    """

    least: NDArray[np.float64]
    mean: NDArray[np.float64]
    distinct: NDArray[np.int64]


def spread(keypoints: ArrayLike, points: ArrayLike) -> Spread:
    """Return how far apart the keypoints of each shape lie.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.

    Raises:
        ValueError: An array has the wrong shape, or a cloud has no extent.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    count = predicted.shape[1]
    first, second = np.triu_indices(count, 1)
    distances = np.linalg.norm(predicted[:, first] - predicted[:, second], axis=2)
    distances *= 100 / arrays.extents(cloud)[:, None]
    undefined = np.full(len(predicted), np.nan)
    nearest_points = np.sort(arrays.nearest(predicted, cloud).indices, axis=1)
    return Spread(
        least=distances.min(1) if count > 1 else undefined,
        mean=distances.mean(1) if count > 1 else undefined,
        distinct=1 + (np.diff(nearest_points, axis=1) > 0).sum(1),
    )


def collapsed(keypoints: ArrayLike, points: ArrayLike) -> float:
    """Return on which share of the shapes keypoints have collapsed, 0 to 1.

    On such a shape two of them are less than `TOUCHING` apart, or the same cloud point is the nearest to
    two. A single keypoint never has.

    Raises:
        ValueError: An array has the wrong shape, or a cloud has no extent.
    """
    apart = spread(keypoints, points)
    fewer = apart.distinct < np.asarray(keypoints).shape[1]
    return float(((apart.least < TOUCHING) | fewer).mean())


def _measure(sample: Sample, _: Terms) -> Measured:
    apart = spread(sample.keypoints, sample.points)
    return Measured({name: mean_part(values) for name, values in apart._asdict().items()})


METRIC = Metric(
    name="spread",
    title="Do keypoints keep apart: least and mean distance, and how many distinct points they name",
    units={"least": OF_DIAGONAL, "mean": OF_DIAGONAL, "distinct": "points"},
    measure=_measure,
)
