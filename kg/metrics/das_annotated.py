"""Dual alignment score with human annotations, as Skeleton Merger (CVPR 2021) counts it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kg.metrics import arrays
from kg.metrics.metric import PERCENT, Metric, Sample


class DualAlignment(NamedTuple):
    """The two alignments and their mean, in percent."""

    forward: float
    backward: float
    mean: float


def dual_alignment(keypoints: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike) -> DualAlignment:
    """Return how consistently keypoints and annotated landmarks find each other.

    Forward: each keypoint takes the semantic id of the nearest landmark; the share of pairs of shapes
    that agree, averaged over keypoints. Backward: each landmark takes the index of the nearest keypoint;
    the share of pairs of its semantic id that agree, averaged over semantic ids. Pairs are ordered and
    include each shape with itself, so that the least forward value is 1 / n, not 0. Of equally near
    candidates the first counts.

    Args:
        keypoints: (n, K, 3).
        landmarks: (n, A, 3), in the same space, which may be any; shapes without one are left out.
        landmark_ids: (n, A), -1 where there is no landmark.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(predicted))
    annotated = (ids >= 0).any(1)
    if not annotated.any():
        raise ValueError("no shape has a landmark")
    predicted, known, ids = predicted[annotated], known[annotated], ids[annotated]
    present = ids >= 0

    taken = np.take_along_axis(ids, arrays.nearest(predicted, known, present).indices, axis=1)
    forward = 100 * float(np.mean([arrays.agreement(of_keypoint) for of_keypoint in taken.T]))

    # An absent landmark is NaN: it is looked up somewhere and its answer dropped.
    chosen = arrays.nearest(np.where(present[..., None], known, 0), predicted).indices
    of_id = (arrays.agreement(chosen[ids == name]) for name in np.unique(ids[present]))
    backward = 100 * float(np.mean(list(of_id)))
    return DualAlignment(forward, backward, (forward + backward) / 2)


def _measure(sample: Sample, _: float) -> dict[str, float]:
    assert sample.landmarks is not None
    assert sample.landmark_ids is not None
    return dual_alignment(sample.keypoints, sample.landmarks, sample.landmark_ids)._asdict()


METRIC = Metric(
    name="das-annotated",
    title="Do keypoints and human annotations find each other alike on all shapes (Skeleton Merger's DAS)",
    units={"forward": PERCENT, "backward": PERCENT, "mean": PERCENT},
    measure=_measure,
    truth="landmarks",
    compares=True,
)
