"""Correspondence: does a keypoint stay at its place on an object that deforms."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays, symmetry
from kg.evaluation.metrics.geodesic import Surface
from kg.evaluation.metrics.metric import (
    OF_EXTENT,
    PERCENT,
    THIRDS,
    Curve,
    Measured,
    Metric,
    Part,
    Sample,
    Statistic,
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
WITHIN = 5.0
"""Of the part `pck-5`, percent of the extent."""

UNITS = {"mean": OF_EXTENT, "median": OF_EXTENT, "worst": OF_EXTENT, "pck-5": PERCENT, "identity": PERCENT}
LOWER_IS_BETTER = ("mean", "median", "worst")


class Drift(NamedTuple):
    """How keypoints wander over their object, (n, K), NaN where they do not count, as on frames of reference.

    Attributes:
        geodesic: Along the object at rest, percent of its extent.
        identity: 1 where its own place on the reference is nearer than any other keypoint's, else 0: a tie
            counts as lost.
    """

    geodesic: NDArray[np.float64]
    identity: NDArray[np.float64]


class Frames(NamedTuple):
    """The clouds of one object, m of them, in the order of their frames.

    Attributes:
        rows: (m,) of the clouds among all.
        places: (m, K, 3), where the keypoints lie on the object at rest.
        rest: (m, N, 3), where the points lie on it.
        surface: It at rest.
        extent: The diagonal of the bounding box of the first cloud's rest positions.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.float64]
    rest: NDArray[np.float64]
    surface: Surface
    extent: float


def frames_of_objects(
    keypoints: ArrayLike, points: ArrayLike, rest_positions: ArrayLike, rest_id: ArrayLike, frame: ArrayLike
) -> Iterator[Frames]:
    """Yield the clouds of each object that has several; arguments and errors are those of `rest_drift`."""
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    rest = arrays.clouds("rest_positions", rest_positions, len(predicted))
    names, numbers = np.asarray(rest_id), np.asarray(frame)
    if names.shape != (len(predicted),) or numbers.shape != names.shape or rest.shape != cloud.shape:
        raise ValueError(
            f"points {cloud.shape}, rest_positions {rest.shape}, rest_id {names.shape} and "
            f"frame {numbers.shape} do not belong together"
        )
    objects, counts = np.unique(names, return_counts=True)
    if counts.max() < 2:
        raise ValueError("no object has two frames")
    places = arrays.snapped(predicted, cloud, rest)
    for name in objects:
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        extent = float(arrays.extents(rest[rows[:1]])[0])
        if len(rows) > 1:
            several = rows[np.unique(np.linspace(0, len(rows) - 1, FRAMES).round().astype(int))]
            surface = Surface(rest[several].reshape(-1, 3), NEIGHBOURS)
            yield Frames(rows, places[rows], rest[rows], surface, extent)


def rest_drift(
    keypoints: ArrayLike,
    points: ArrayLike,
    rest_positions: ArrayLike,
    rest_id: ArrayLike,
    frame: ArrayLike,
    *,
    symmetric: bool = False,
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
        symmetric: Compare each cloud's places also turned by half a turn, see
            `kg.evaluation.metrics.symmetry`, each moved to the nearest rest position of the eight frames.
            Of the two the cloud has the one of the lower mean distance, for all its keypoints.

    Raises:
        ValueError: An array has the wrong shape, a reference has no extent, or nothing has two frames.
    """
    drift = Drift(*(np.full(np.shape(keypoints)[:2], np.nan) for _ in range(2)))
    for of in frames_of_objects(keypoints, points, rest_positions, rest_id, frame):
        reference, there = of.places[0], of.places[1:]
        others = of.rows[1:]
        if symmetric:
            turned = symmetry.turned(there, *symmetry.box(of.rest))
            nearest = of.surface.nearest(turned.reshape(-1, 3), 1)[:, 0]
            there = np.concatenate([there, of.surface.nodes[nearest].reshape(there.shape)])
        geodesic = 100 * of.surface.along(reference, there) / of.extent
        identity = identified(there, reference)
        if symmetric:
            as_is, turned_too = np.split(geodesic, 2)
            # All keypoints of a cloud or none: it lies one way or the other.
            row = np.arange(len(others)) + len(others) * (turned_too.mean(1) < as_is.mean(1))
            geodesic, identity = geodesic[row], identity[row]
        drift.geodesic[others], drift.identity[others] = geodesic, identity
    return drift


def identified(places: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each place (m, K, 3) is nearer to its namesake of (K, 3) than to any other, (m, K)."""
    away = np.linalg.norm(places[:, :, None] - reference, axis=3)
    own = away.diagonal(axis1=1, axis2=2).copy()
    away[:, range(away.shape[1]), range(away.shape[1])] = np.inf
    return np.asarray(own < away.min(2))


def thirds(
    objects: NDArray[np.str_], frame: NDArray[np.integer], counted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return to which third of its sequence a cloud belongs, (n,): 0, 1 or 2, and -1 for one not counted.

    The clouds of an object that count are put in the order of their frames and divided into three; one
    alone is in the middle.

    Args:
        objects: (n,) whose sequence.
        frame: (n,) numbers.
        counted: (n,) which clouds to divide.
    """
    third = np.full(len(objects), -1)
    for name in np.unique(objects):
        rows = np.flatnonzero((objects == name) & counted)
        order = rows[np.argsort(frame[rows], kind="stable")]
        third[order] = 3 * (np.arange(len(order)) + 0.5) // max(1, len(order))
    return third


@lru_cache(maxsize=2)
def drift_of(sample: Sample, *, symmetric: bool = False) -> Drift:
    """Return how far the keypoints of a sample wander, see `rest_drift`; kept for the next metric."""
    assert sample.rest_positions is not None
    assert sample.rest_id is not None
    assert sample.frame is not None
    known = sample.points, sample.rest_positions, sample.rest_id, sample.frame
    return rest_drift(sample.keypoints, *known, symmetric=symmetric)


def measure_drift(sample: Sample, drift: Drift) -> Measured:
    """Return the parts of `UNITS`, of all clouds and of those of each third, and the PCK curve."""
    assert sample.frame is not None
    known = ~np.isnan(drift.geodesic)
    parts = _parts(drift)
    of_cloud = thirds(sample.objects, sample.frame, np.asarray(known.any(1)))
    for number, third in enumerate(THIRDS):
        some = Drift(*(np.where((of_cloud == number)[:, None], values, np.nan) for values in drift))
        # Of single clouds and keypoints there is no more to tell than above.
        parts |= {f"{name} {third}": Part(part.statistic) for name, part in _parts(some).items()}
    thresholds = np.linspace(0, FARTHEST, STEPS)
    shares = shares_within(drift.geodesic[known][None], thresholds)[0]
    curve = Curve("PCK", thresholds, shares, "geodesic error", "keypoints within it", OF_EXTENT)
    return Measured(parts, (curve,))


def _parts(drift: Drift) -> dict[str, Part]:
    geodesic = drift.geodesic
    known = ~np.isnan(geodesic)

    def worst(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        # The worst keypoint, not the worst frame: which keypoint to distrust.
        total = weights @ np.where(known, geodesic, 0)
        means = arrays.divide(total, weights @ known.astype(np.float64))
        return np.asarray(np.fmax.reduce(means, axis=1))

    there = known.any(1)
    of_cloud = np.full(len(geodesic), np.nan)
    of_cloud[there] = np.nanmedian(geodesic[there], axis=1)
    within = np.where(known, 100.0 * (geodesic <= WITHIN), np.nan)
    return {
        "mean": mean_part(geodesic),
        "median": Part(_median(geodesic), of_cloud),
        "worst": Part(worst),
        "pck-5": mean_part(within),
        "identity": mean_part(100 * drift.identity),
    }


def _median(values: NDArray[np.float64]) -> Statistic:
    """Return the median over clouds and keypoints of values (n, K), NaN for those that do not count."""
    rows, _ = np.nonzero(~np.isnan(values))
    known = values[~np.isnan(values)]
    order = np.argsort(known, kind="stable")
    rows, known = rows[order], known[order]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        medians = np.full(len(weights), np.nan)
        for draw, weight in enumerate(weights):
            below = np.cumsum(weight[rows])
            if len(below) and below[-1] > 0:
                half = below[-1] / 2
                low, high = np.searchsorted(below, half), np.searchsorted(below, half, side="right")
                medians[draw] = (known[low] + known[high]) / 2
        return medians

    return statistic


def with_thirds(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of parts, then those of each third of them."""
    return (*names, *(f"{name} {third}" for third in THIRDS for name in names))


METRIC = Metric(
    name="correspondence",
    title="How far keypoints wander over an object as it deforms, by true correspondence; 0 is best",
    units={name: UNITS[name.split(" ")[0]] for name in with_thirds(tuple(UNITS))},
    measure=lambda sample, _: measure_drift(sample, drift_of(sample)),
    space="at rest",
    truth="rest_positions",
    curved=True,
    lower_is_better=frozenset(with_thirds(LOWER_IS_BETTER)),
    beside=("median", "pck-5", "identity"),
)
