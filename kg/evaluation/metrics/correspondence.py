"""Correspondence: does a keypoint stay at its place on an object that deforms."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.geodesic import Surface
from kg.evaluation.metrics.metric import (
    OF_EXTENT,
    PERCENT,
    Curve,
    Measured,
    Metric,
    Part,
    Sample,
    Terms,
    mean_part,
)
from kg.evaluation.metrics.pck import shares_within

NEIGHBOURS = 8
FRAMES = 8
"""Whose samples make the surface at rest, evenly chosen: together they are denser than one cloud, so that
two layers of a garment, a little apart at rest, are not taken for one. On two sheets of a shirt's size, 2 cm
apart, no edge joins the layers; with four frames 657 do. Ways come out 7 % long at the most."""
FARTHEST, STEPS = 20.0, 41
"""Of the PCK curve, percent of the extent."""


class Drift(NamedTuple):
    """How keypoints wander over their object, (n, K), NaN for the frames of reference.

    Attributes:
        geodesic: Along the object at rest, percent of its extent.
        identity: 1 where its own place on the reference is nearer than any other keypoint's, else 0: a tie
            counts as lost.
    """

    geodesic: NDArray[np.float64]
    identity: NDArray[np.float64]


def rest_drift(
    keypoints: ArrayLike, points: ArrayLike, rest_positions: ArrayLike, rest_id: ArrayLike, frame: ArrayLike
) -> Drift:
    """Return how far keypoints wander over their object.

    A keypoint's place is the rest position of the nearest cloud point. The reference of an object
    is its frame of the lowest number; its other frames are compared with that one. The extent is the
    diagonal of the bounding box of the reference's rest positions. Distances run along a graph of
    the 8 nearest of the rest positions of eight frames; whose places are nearest is decided by
    straight ones.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.
        rest_positions: (n, N, 3), where each cloud point lies on its object at rest.
        rest_id: (n,) what has one shape at rest.
        frame: (n,) numbers.

    Raises:
        ValueError: An array has the wrong shape, a reference has no extent, or nothing has two frames.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    rest = arrays.clouds("rest_positions", rest_positions, len(predicted))
    names, numbers = np.asarray(rest_id), np.asarray(frame)
    if names.shape != (len(predicted),) or numbers.shape != names.shape or rest.shape != cloud.shape:
        raise ValueError(
            f"points {cloud.shape}, rest_positions {rest.shape}, rest_id {names.shape} and "
            f"frame {numbers.shape} do not belong together"
        )
    places = arrays.snapped(predicted, cloud, rest)
    found = Drift(np.full(predicted.shape[:2], np.nan), np.full(predicted.shape[:2], np.nan))
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        reference, others = rows[0], rows[1:]
        extent = arrays.extents(rest[reference, None].reshape(1, -1, 3))
        if not len(others):
            continue
        several = rows[np.unique(np.linspace(0, len(rows) - 1, FRAMES).round().astype(int))]
        surface = Surface(rest[several].reshape(-1, 3), NEIGHBOURS)
        found.geodesic[others] = 100 * surface.along(places[reference], places[others]) / extent
        away = np.linalg.norm(places[others][:, :, None] - places[reference], axis=3)
        own = away.diagonal(axis1=1, axis2=2).copy()
        away[:, range(away.shape[1]), range(away.shape[1])] = np.inf
        found.identity[others] = own < away.min(2)
    if np.isnan(found.identity).all():
        raise ValueError("no object has two frames")
    return found


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.rest_positions is not None
    assert sample.rest_id is not None
    assert sample.frame is not None
    found = rest_drift(sample.keypoints, sample.points, sample.rest_positions, sample.rest_id, sample.frame)
    drift = found.geodesic
    there = ~np.isnan(drift[:, 0])

    def worst(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        # The worst keypoint, not the worst frame: which keypoint to distrust.
        total = weights @ np.where(there[:, None], drift, 0)
        return arrays.divide(total.max(1), weights @ there.astype(np.float64))

    thresholds = np.linspace(0, FARTHEST, STEPS)
    shares = shares_within(drift[there], thresholds).mean(0)
    return Measured(
        {"mean": mean_part(drift), "worst": Part(worst), "identity": mean_part(100 * found.identity)},
        (Curve("PCK", thresholds, shares, "geodesic error", "keypoints within it", OF_EXTENT),),
    )


METRIC = Metric(
    name="correspondence",
    title="How far keypoints wander over an object as it deforms, by true correspondence; 0 is best",
    units={"mean": OF_EXTENT, "worst": OF_EXTENT, "identity": PERCENT},
    measure=_measure,
    space="at rest",
    truth="rest_positions",
    lower_is_better=frozenset({"mean", "worst"}),
)
