"""Which keypoint lies on which named landmark: what the numbers of a detector's keypoints mean to people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kg.data.box import diagonals
from kg.data.store import Store
from kg.inference.predictions import Predictions

REACH = 0.1
"""Of a cloud's diagonal: how near to a landmark a keypoint has to be to lie on it, about what mIoU asks."""

MOSTLY = 50.0
"""Per cent of the shapes on which a keypoint lies on a landmark to be called by its name."""


@dataclass(frozen=True)
class LandmarkKeypoint:
    """The keypoint that stands for a landmark: the one that lies on it on most shapes.

    A keypoint lies on a landmark if no other is nearer to it, and it is within `REACH`.

    Attributes:
        landmark: Its name.
        keypoint: Its number.
        share: Per cent of the shapes on which it lies on the landmark.
        distance: Median over the shapes from the landmark to the keypoint, per cent of a cloud's diagonal.
        shapes: How many have the landmark.
    """

    landmark: str
    keypoint: int
    share: float
    distance: float
    shapes: int


def landmark_keypoints(predictions: Predictions, store: Store | None) -> list[LandmarkKeypoint]:
    """Return the keypoint that stands for each named landmark, in the order of the landmarks' ids.

    Args:
        predictions: Of the store's shapes, matched by id; of shapes that it lacks nothing is said.
        store: Where the landmarks are; None for none.
    """
    if store is None or not store.has_landmarks or not store.landmark_names:
        return []
    place = {name: number for number, name in enumerate(predictions.ids.tolist())}
    rows = np.array([row for row, name in enumerate(store.read_column("ids")) if name in place], np.int64)
    clouds = store.read_rows(rows)
    if clouds.landmarks is None or clouds.landmark_ids is None:
        return []
    keypoints = predictions.keypoints[[place[name] for name in clouds.ids]]
    sizes = diagonals(clouds.points.astype(np.float64))
    lying = []
    for landmark, name in sorted(store.landmark_names.items()):
        shape, slot = np.nonzero(clouds.landmark_ids == landmark)
        if not len(shape):
            continue
        gaps = np.linalg.norm(keypoints[shape] - clouds.landmarks[shape, slot][:, None], axis=2)
        gaps /= sizes[shape, None]
        on = (gaps <= REACH) & (gaps <= gaps.min(1, keepdims=True))
        shares = on.mean(0)
        # Where none ever lies on it, the one that comes nearest is told, with its share of 0.
        keypoint = int(np.lexsort((np.median(gaps, axis=0), -shares))[0])
        share, distance = 100 * float(shares[keypoint]), 100 * float(np.median(gaps[:, keypoint]))
        lying.append(LandmarkKeypoint(name, keypoint, share, distance, len(shape)))
    return lying


def keypoint_names(landmarks: Sequence[LandmarkKeypoint]) -> dict[int, str]:
    """Return what keypoints can be called: each by the landmark on which it lies most often, if mostly."""
    names: dict[int, str] = {}
    for one in sorted(landmarks, key=lambda one: -one.share):
        if one.share >= MOSTLY:
            names.setdefault(one.keypoint, one.landmark)
    return names
