"""Dual alignment score with human annotations, as Skeleton Merger (CVPR 2021) counts it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, Part, Sample, Statistic, Terms


class DualAlignment(NamedTuple):
    """The two alignments and their mean, in percent; NaN where there is no pair to compare."""

    forward: float
    backward: float
    mean: float


def dual_alignment(
    keypoints: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike, *, self_pairs: bool = True
) -> DualAlignment:
    """Return how consistently keypoints and annotated landmarks find each other.

    Forward: each keypoint takes the semantic id of the nearest landmark; the share of pairs of shapes
    that agree, averaged over keypoints. Backward: each landmark takes the index of the nearest keypoint;
    the share of pairs of its semantic id that agree, averaged over semantic ids. Of equally near
    candidates the first counts.

    Args:
        keypoints: (n, K, 3).
        landmarks: (n, A, 3), in the same space, which may be any; shapes without one are left out.
        landmark_ids: (n, A), -1 where there is no landmark.
        self_pairs: Count the pairs of a shape with itself, as published: the least forward value is then
            1 / n, not 0.

    Raises:
        ValueError: An array has the wrong shape, or no shape has a landmark.
    """
    measured = alignment_parts(keypoints, landmarks, landmark_ids, self_pairs)
    once = np.ones((1, len(np.asarray(keypoints))))
    return DualAlignment(**{name: float(part.statistic(once)[0]) for name, part in measured.items()})


def alignment_parts(
    keypoints: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike, self_pairs: bool
) -> dict[str, Part]:
    """Return the parts of `dual_alignment`, whose arguments they take."""
    predicted = arrays.clouds("keypoints", keypoints)
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(predicted))
    present = ids >= 0
    rows = np.flatnonzero(present.any(1))
    if not len(rows):
        raise ValueError("no shape has a landmark")

    taken = np.take_along_axis(ids, arrays.nearest(predicted, known, present).indices, axis=1)
    of_keypoint = [arrays.Agreement(rows, labels, self_pairs) for labels in taken[rows].T]

    # An absent landmark is NaN: it is looked up somewhere and its answer dropped.
    nearest_keypoints = arrays.nearest(np.where(present[..., None], known, 0), predicted).indices
    of_id = [
        arrays.Agreement(np.nonzero(ids == name)[0], nearest_keypoints[ids == name], self_pairs)
        for name in np.unique(ids[present])
    ]
    forward, backward = _mean(of_keypoint), _mean(of_id)

    def both(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return (forward(weights) + backward(weights)) / 2

    per_shape = np.full(len(predicted), np.nan)
    per_shape[rows] = 100 * np.mean([agreement.per_row() for agreement in of_keypoint], axis=0)
    once = np.ones((1, len(predicted)))
    per_keypoint = np.array([100 * agreement(once)[0] for agreement in of_keypoint])
    return {
        "forward": Part(forward, per_shape, per_keypoint),
        "backward": Part(backward),
        "mean": Part(both),
    }


def _mean(of: list[arrays.Agreement]) -> Statistic:
    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        # What lies on a single shape has no pair, and so no say.
        return 100 * arrays.mean_of_known(np.stack([agreement(weights) for agreement in of]))

    return statistic


def _measure(sample: Sample, terms: Terms) -> Measured:
    assert sample.landmarks is not None
    assert sample.landmark_ids is not None
    return Measured(
        alignment_parts(sample.keypoints, sample.landmarks, sample.landmark_ids, terms.self_pairs),
    )


METRIC = Metric(
    name="das-annotated",
    title="Do keypoints and human annotations find each other alike on all shapes (Skeleton Merger's DAS)",
    units={"forward": PERCENT, "backward": PERCENT, "mean": PERCENT},
    measure=_measure,
    truth="landmarks",
    compares=True,
)
