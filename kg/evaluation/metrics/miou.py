"""Mean intersection over union of keypoints and annotations, as Skeleton Merger (CVPR 2021) counts it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Curve, Measured, Metric, Part, Sample, Terms, ratio

STEPS = 50
"""Thresholds of the published curve, from 0 on."""


class Gaps(NamedTuple):
    """How far keypoints and landmarks lie from each other, infinite where there is no landmark.

    Attributes:
        to_landmark: (n, K) of each keypoint, to the nearest landmark.
        to_keypoint: (n, A) of each landmark, to the nearest keypoint; NaN for an absent landmark.
    """

    to_landmark: NDArray[np.float64]
    to_keypoint: NDArray[np.float64]


def mean_iou(
    keypoints: ArrayLike,
    points: ArrayLike,
    landmarks: ArrayLike,
    landmark_ids: ArrayLike,
    threshold: float = 0.1,
) -> float:
    """Return how well keypoints and landmarks cover each other within a distance, in percent.

    Keypoints are snapped to the nearest point of their cloud first. With P landmarks, FN of them farther
    than the threshold from every keypoint, and FP keypoints farther than it from every landmark, all
    summed over shapes: (P - FN) / (P + FP). A distance of exactly the threshold is within. Shapes
    without a landmark are left out.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3).
        landmarks: (n, A, 3).
        landmark_ids: (n, A), -1 where there is no landmark.
        threshold: Euclidean distance in the units of the others: the data set's own, in published results.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    distances = gaps(keypoints, landmarks, landmark_ids, points)
    return float(iou(distances, threshold).statistic(np.ones((1, len(distances.to_landmark))))[0])


def gaps(
    keypoints: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike, points: ArrayLike | None = None
) -> Gaps:
    """Return the Euclidean gaps between keypoints, snapped to the cloud if one is given, and landmarks.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    places = arrays.clouds("keypoints", keypoints)
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(places))
    present = ids >= 0
    if not present.any():
        raise ValueError("no shape has a landmark")
    if points is not None:
        places = arrays.snapped(places, arrays.clouds("points", points, len(places)))
    to_keypoint = arrays.nearest(np.where(present[..., None], known, 0), places).distances
    return Gaps(
        to_landmark=arrays.nearest(places, known, present).distances,
        to_keypoint=np.where(present, to_keypoint, np.nan),
    )


def iou(distances: Gaps, threshold: float) -> Part:
    """Return the mIoU at a threshold as a part of a result, with that of each shape by itself."""
    positives = (~np.isnan(distances.to_keypoint)).sum(1).astype(np.float64)
    reached = (distances.to_keypoint <= threshold).sum(1).astype(np.float64)
    astray = (distances.to_landmark > threshold).sum(1)
    either = np.where(positives > 0, positives + astray, 0)
    share = ratio(100 * reached, either)
    return Part(share, arrays.divide(100 * reached, either))


def with_curve(distances: Gaps, terms: Terms, steps: int) -> Measured:
    """Return the mIoU at the threshold, and over so many thresholds from 0 to it."""
    thresholds = np.linspace(0, terms.threshold, steps)
    once = np.ones((1, len(distances.to_landmark)))
    over = np.array([iou(distances, threshold).statistic(once)[0] for threshold in thresholds])
    curve = Curve("mIoU", thresholds, over, "threshold", "mIoU", terms.unit)
    return Measured({"value": iou(distances, terms.threshold)}, (curve,))


def _measure(sample: Sample, terms: Terms) -> Measured:
    assert sample.landmark_ids is not None
    keypoints, points, landmarks = sample.within(terms.space)
    distances = gaps(keypoints, landmarks, sample.landmark_ids, points if terms.snap else None)
    return with_curve(distances, terms, STEPS)


METRIC = Metric(
    name="miou",
    title="Do keypoints lie where people annotated, within a threshold in the data set's own units",
    units={"value": PERCENT},
    measure=_measure,
    space="source",
    truth="landmarks",
    threshold=0.1,
    curved=True,
)
