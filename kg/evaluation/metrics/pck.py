"""Percentage of correct keypoints, with the names that the other shapes give to keypoints."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import PERCENT, Curve, Measured, Metric, Sample, Terms, mean_part

STEPS = 51
"""Thresholds of the curve, from 0 on."""


def transfer_errors(
    keypoints: ArrayLike, landmarks: ArrayLike, landmark_ids: ArrayLike, objects: ArrayLike
) -> NDArray[np.float64]:
    """Return how far each landmark lies from the keypoint that stands for it elsewhere, (n, A).

    A landmark's keypoint is the one that is nearest to the landmark of its semantic id on most shapes of
    other objects, of equally many the first: never a choice by the shape that is measured. NaN for an
    absent landmark and for one whose id no other object has.

    Args:
        keypoints: (n, K, 3).
        landmarks: (n, A, 3), in the same space.
        landmark_ids: (n, A), -1 where there is no landmark.
        objects: (n,) identities.

    Raises:
        ValueError: An array has the wrong shape.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(predicted))
    present = ids >= 0
    places = np.where(present[..., None], known, 0)
    stand_ins = arrays.nearest(places, predicted).indices
    errors = np.full(ids.shape, np.nan)
    _, owner = np.unique(np.asarray(objects), return_inverse=True)
    for name in np.unique(ids[present]):
        shape, column = np.nonzero(ids == name)
        votes = np.zeros((owner.max() + 1, predicted.shape[1]))
        np.add.at(votes, (owner[shape], stand_ins[shape, column]), 1)
        others = votes.sum(0) - votes[owner[shape]]
        stands = others.argmax(1)
        away = np.linalg.norm(places[shape, column] - predicted[shape, stands], axis=1)
        errors[shape, column] = np.where(others.any(1), away, np.nan)
    return errors


def shares_within(errors: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the errors (n, A) that is at most each threshold (T,), as (n, T) percent.

    An error of NaN does not count; a shape with nothing else has NaN.
    """
    counted = (~np.isnan(errors)).sum(1)
    within = np.stack([(errors <= threshold).sum(1) for threshold in thresholds], axis=1)
    return np.stack([arrays.divide(100.0 * column, counted) for column in within.T], axis=1)


def area(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area under each curve (n, T) over even thresholds, as its mean height, (n,)."""
    return np.asarray((shares[:, 1:] + shares[:, :-1]).mean(1) / 2)


def _measure(sample: Sample, terms: Terms) -> Measured:
    assert sample.landmark_ids is not None
    keypoints, points, landmarks = sample.within(terms.space)
    if terms.snap:
        keypoints = arrays.snapped(arrays.clouds("keypoints", keypoints), arrays.clouds("points", points))
    errors = transfer_errors(keypoints, landmarks, sample.landmark_ids, sample.objects)
    thresholds = np.linspace(0, terms.threshold, STEPS)
    shares = shares_within(errors, thresholds)
    parts = {"value": mean_part(shares[:, -1]), "area": mean_part(area(shares))}
    if np.isnan(shares).all():
        return Measured(parts)
    return Measured(
        parts, (Curve("PCK", thresholds, np.nanmean(shares, axis=0), "threshold", "PCK", terms.unit),)
    )


METRIC = Metric(
    name="pck",
    title="Share of annotations within a threshold of the keypoint that stands for them on other objects",
    units={"value": PERCENT, "area": PERCENT},
    measure=_measure,
    space="source",
    truth="landmarks",
    threshold=0.1,
    curved=True,
    compares=True,
)
