"""Correspondence: does a keypoint stay at its place on an object that deforms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.metrics import arrays
from kg.metrics.metric import Metric, Sample


def material_drift(
    keypoints: ArrayLike, points: ArrayLike, material: ArrayLike, objects: ArrayLike, frame: ArrayLike
) -> NDArray[np.float64]:
    """Return how far keypoints wander over their object, (m, K), in percent of its extent at rest.

    A keypoint's place is the material coordinate of the nearest cloud point. The reference of an object
    is its frame of the lowest number; each of its m other frames is compared with that one. The extent
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
    drifts = []
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        reference, *others = rows[np.argsort(numbers[rows], kind="stable")]
        extent = arrays.extents(rest[reference, None].reshape(1, -1, 3))
        drifts.append(100 * np.linalg.norm(places[others] - places[reference], axis=2) / extent)
    drift = np.concatenate(drifts)
    if len(drift) == 0:
        raise ValueError("no object has two frames")
    return drift


def _measure(sample: Sample, _: float) -> dict[str, float]:
    assert sample.material is not None
    assert sample.frame is not None
    drift = material_drift(sample.keypoints, sample.points, sample.material, sample.objects, sample.frame)
    # The worst keypoint, not the worst frame: which keypoint to distrust.
    return {"mean": float(drift.mean()), "worst": float(drift.mean(0).max())}


METRIC = Metric(
    name="correspondence",
    title="How far keypoints wander over an object as it deforms, by true correspondence; 0 is best",
    units={"mean": "% of extent", "worst": "% of extent"},
    measure=_measure,
    space="at rest",
    truth="material",
)
