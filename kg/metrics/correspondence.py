"""Correspondence: does a keypoint stay at its place on an object that deforms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.metrics import arrays
from kg.metrics.metric import OF_EXTENT, Measured, Metric, Part, Sample, Terms, mean_part


def material_drift(
    keypoints: ArrayLike, points: ArrayLike, material: ArrayLike, objects: ArrayLike, frame: ArrayLike
) -> NDArray[np.float64]:
    """Return how far keypoints wander over their object, (n, K), in percent of its extent at rest.

    A keypoint's place is the material coordinate of the nearest cloud point. The reference of an object
    is its frame of the lowest number, which is NaN here; its other frames are compared with it. The extent
    is the diagonal of the bounding box of the reference's material coordinates.

    Args:
        keypoints: (n, K, 3).
        points: (n, N, 3), in the same space.
        material: (n, N, 3), where each cloud point lies on its object at rest.
        objects: (n,) identities.
        frame: (n,) numbers.

    Raises:
        ValueError: An array has the wrong shape, a reference has no extent, or no object has two frames.
    """
    predicted = arrays.clouds("keypoints", keypoints)
    cloud = arrays.clouds("points", points, len(predicted))
    rest = arrays.clouds("material", material, len(predicted))
    names, numbers = np.asarray(objects), np.asarray(frame)
    if names.shape != (len(predicted),) or numbers.shape != names.shape or rest.shape != cloud.shape:
        raise ValueError(
            f"points {cloud.shape}, material {rest.shape}, objects {names.shape} and frame {numbers.shape} "
            "do not belong together"
        )
    places = np.take_along_axis(rest, arrays.nearest(predicted, cloud).indices[..., None], axis=1)
    drift = np.full(predicted.shape[:2], np.nan)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        reference, *others = rows[np.argsort(numbers[rows], kind="stable")]
        extent = arrays.extents(rest[reference, None].reshape(1, -1, 3))
        drift[others] = 100 * np.linalg.norm(places[others] - places[reference], axis=2) / extent
    if np.isnan(drift).all():
        raise ValueError("no object has two frames")
    return drift


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.material is not None
    assert sample.frame is not None
    drift = material_drift(sample.keypoints, sample.points, sample.material, sample.kin, sample.frame)
    there = ~np.isnan(drift).any(1)

    def worst(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        count = weights @ there.astype(np.float64)
        mean = weights @ np.where(there[:, None], drift, 0) / np.where(count > 0, count, np.nan)[:, None]
        return np.asarray(mean.max(1))

    return Measured({"mean": mean_part(drift), "worst": Part(worst)})


METRIC = Metric(
    name="correspondence",
    title="How far keypoints wander over an object as it deforms, by true correspondence; 0 is best",
    units={"mean": OF_EXTENT, "worst": OF_EXTENT},
    measure=_measure,
    space="at rest",
    truth="material",
)
