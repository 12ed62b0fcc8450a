"""Mean intersection over union of keypoints and annotations, as Skeleton Merger (CVPR 2021) counts it."""

import numpy as np
from numpy.typing import ArrayLike

from kg.metrics import arrays
from kg.metrics.metric import PERCENT, Metric, Sample


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
        threshold: Euclidean distance in the units of the others: the data set's own, in published figures.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(predicted))
    present = ids >= 0
    annotated = present.any(1)
    if not annotated.any():
        raise ValueError("no shape has a landmark")

    closest = arrays.nearest(predicted, cloud).indices
    snapped = np.take_along_axis(cloud, closest[..., None], axis=1)
    to_landmark = arrays.nearest(snapped, known, present).distances[annotated]
    to_keypoint = arrays.nearest(np.where(present[..., None], known, 0), snapped).distances[present]
    positives = int(present.sum())
    false_positives = int((to_landmark > threshold).sum())
    false_negatives = int((to_keypoint > threshold).sum())
    return 100 * (positives - false_negatives) / (positives + false_positives)


def _measure(sample: Sample, threshold: float) -> dict[str, float]:
    assert sample.landmarks is not None
    assert sample.landmark_ids is not None
    keypoints, points, landmarks = map(sample.to_source, (sample.keypoints, sample.points, sample.landmarks))
    return {"value": mean_iou(keypoints, points, landmarks, sample.landmark_ids, threshold)}


METRIC = Metric(
    name="miou",
    title="Do keypoints lie where people annotated, within a threshold in the data set's own units",
    units={"value": PERCENT},
    measure=_measure,
    space="source",
    truth="landmarks",
    threshold=0.1,
)
