"""Correspondence of what a cloud shows: one camera's view lacks the material of some keypoints."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import correspondence
from kg.evaluation.metrics.correspondence import WITHIN, Drift, frames_of_objects, identified, measure_drift
from kg.evaluation.metrics.metric import PERCENT, Measured, Part, Sample, Terms, mean_part, ratio


class VisibleDrift(NamedTuple):
    """How keypoints wander where they can be seen, and where that is, (n, K) each.

    Attributes:
        drift: NaN where a keypoint's place is not shown, too.
        shown: 1 where the cloud shows the keypoint's place, 0 where it does not, NaN for references. Of an
            object's keypoint without a place, 0.
        placed: Whether the object's keypoint has a place.
    """

    drift: Drift
    shown: NDArray[np.float64]
    placed: NDArray[np.bool_]


def visible_drift(
    keypoints: ArrayLike,
    points: ArrayLike,
    rest_positions: ArrayLike,
    rest_id: ArrayLike,
    frame: ArrayLike,
    visible: ArrayLike | None = None,
) -> VisibleDrift:
    """Return how far keypoints wander on the clouds that show their places.

    Places, distances and the extent are those of `rest_drift`. A cloud shows a place if a point of it lies
    within 5 % of the extent of it, along the object at rest: so the other layer of a garment does not count.

    Each keypoint has a frame of reference of its own, the first in which it is said to be visible. In the
    frame of the lowest number it may be hidden, and where the detector put it then says nothing of where it
    belongs. The frames before count like those after. A keypoint that is said to be visible in no frame of an
    object has no place there and is left out. If nothing is said, the frame of the lowest number is the
    reference of all: on clouds that show all places this is `rest_drift`.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.
        rest_positions: (n, N, 3), where each cloud point lies on its object at rest.
        rest_id: (n,) what has one shape at rest.
        frame: (n,) numbers.
        visible: (n, K), which keypoints the detector says to be visible; None if it does not say.

    Raises:
        ValueError: An array has the wrong shape, a reference has no extent, or nothing has two frames.
    """
    size = np.shape(keypoints)[:2]
    said = np.ones(size, np.bool_) if visible is None else np.asarray(visible, np.bool_)
    if said.shape != size:
        raise ValueError(f"visible must be {size}, not {said.shape}")
    geodesic, identity, shown = (np.full(size, np.nan) for _ in range(3))
    placed = np.zeros(size, np.bool_)
    for of in frames_of_objects(keypoints, points, rest_positions, rest_id, frame):
        own, numbers = said[of.rows], np.arange(size[1])
        known, first = np.asarray(own.any(0)), own.argmax(0)
        reference = of.places[first, numbers]
        away = 100 * of.surface.along(reference, of.places) / of.extent
        near = known & of.surface.shown(reference, of.rest, WITHIN / 100 * of.extent)
        counts = near.copy()
        counts[first, numbers] = False
        # A keypoint without a place is no other's either.
        kept = identified(of.places, np.where(known[:, None], reference, np.inf))
        geodesic[of.rows] = np.where(counts, away, np.nan)
        identity[of.rows] = np.where(counts, kept, np.nan)
        shown[of.rows] = near
        shown[of.rows[first], numbers] = np.nan
        placed[of.rows] = known
    return VisibleDrift(Drift(geodesic, identity), shown, placed)


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.rest_positions is not None
    assert sample.rest_id is not None
    assert sample.frame is not None
    known = sample.points, sample.rest_positions, sample.rest_id, sample.frame
    drift, shown, placed = visible_drift(sample.keypoints, *known, sample.visible)
    measured = measure_drift(sample, drift)
    found = {"visible": mean_part(100 * shown), **_found_hidden(shown, placed, sample.visible)}
    return Measured({**measured.parts, **found}, measured.curves)


def _found_hidden(
    shown: NDArray[np.float64], placed: NDArray[np.bool_], visible: NDArray[np.bool_] | None
) -> dict[str, Part]:
    """Return the precision and the recall of what is said to be hidden, NaN if nothing is said.

    Keypoints without a place do not count: whether they are hidden nobody knows.
    """
    told = placed & ~np.isnan(shown)
    hidden = told & (shown == 0)
    said = told & ~visible if visible is not None else np.zeros_like(told)
    right = (hidden & said).sum(1)
    of_hidden = hidden.sum(1) if visible is not None else np.zeros(len(told))
    return {
        "hidden-precision": Part(ratio(100.0 * right, said.sum(1).astype(np.float64))),
        "hidden-recall": Part(ratio(100.0 * right, of_hidden.astype(np.float64))),
    }


METRIC = replace(
    correspondence.METRIC,
    name="correspondence-visible",
    title="The same, of the keypoints whose place on the object a cloud shows, as one camera does not of all",
    units={
        **correspondence.METRIC.units,
        **dict.fromkeys(("visible", "hidden-precision", "hidden-recall"), PERCENT),
    },
    measure=_measure,
    beside=("median", "pck-5", "identity", "visible"),
)
