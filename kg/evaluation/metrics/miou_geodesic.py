"""mIoU along the surface, as KeypointNet's benchmark (CVPR 2020) counts it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.geodesic import Surface
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, Sample, Terms
from kg.evaluation.metrics.miou import Gaps, with_curve

NEIGHBOURS = 20
STEPS = 11
"""Thresholds of the published curve: 0, 0.01, ... 0.1."""


def geodesic_gaps(
    keypoints: ArrayLike, points: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike
) -> Gaps:
    """Return the gaps between keypoints and landmarks along a graph of each point's 20 nearest.

    Both are snapped to the nearest point of the cloud first.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3).
        landmarks: (n, A, 3).
        landmark_ids: (n, A), -1 where there is no landmark.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(predicted))
    present = ids >= 0
    if not present.any():
        raise ValueError("no shape has a landmark")
    of_keypoint = arrays.nearest(predicted, cloud).indices
    of_landmark = arrays.nearest(np.where(present[..., None], known, 0), cloud).indices
    to_landmark = np.full(of_keypoint.shape, np.inf)
    to_keypoint = np.full(of_landmark.shape, np.nan)
    for row in np.flatnonzero(present.any(1)):
        there = present[row]
        away: NDArray[np.float64] = Surface(cloud[row], NEIGHBOURS).from_nodes(of_keypoint[row])
        away = away[:, of_landmark[row, there]]
        to_landmark[row], to_keypoint[row, there] = away.min(1), away.min(0)
    return Gaps(to_landmark, to_keypoint)


def _measure(sample: Sample, terms: Terms) -> Measured:
    assert sample.landmark_ids is not None
    keypoints, points, landmarks = sample.within(terms.space)
    distances = geodesic_gaps(keypoints, points, landmarks, sample.landmark_ids)
    return with_curve(distances, terms, STEPS)


METRIC = Metric(
    name="miou-geodesic",
    title="The same as miou along the surface, by a graph of 20 neighbours (KeypointNet)",
    units={"value": PERCENT},
    measure=_measure,
    space="source",
    truth="landmarks",
    threshold=0.1,
    curved=True,
)
