"""Keypoints that no detector found, to read a detector's results by: the best there can be, and the cheapest.

Where rest positions are known:

- `oracle`: K material points, followed exactly.
- `stands still`: one set of points, the same on every cloud whatever it does.

Elsewhere:

- `oracle`: the annotations of the K most frequent kinds.
- `template`: the mean of the keypoints that are measured, the same on every cloud.
- `box`: the corners of each cloud's own bounding box.
"""

import numpy as np
from numpy.typing import NDArray

from kg.data.box import box_places
from kg.data.rest import in_boxes
from kg.evaluation.metrics import Sample, arrays

Keypoints = NDArray[np.float64]

ORACLE, STANDS_STILL, TEMPLATE, BOX = "oracle", "stands still", "template", "box"

ABOUT = {
    ORACLE: "material points, farthest apart at rest, followed exactly: the best there can be",
    STANDS_STILL: "one set of points for all clouds, snapped to each: follows nothing",
    TEMPLATE: "the mean of these keypoints, snapped to each cloud",
    BOX: "corners of each cloud's own bounding box, then the centres of its top and bottom",
}
"""What each row is, for below a table."""

ABOUT_ANNOTATED = "the annotations of the most frequent kinds: the best there can be"
"""What the oracle is where no rest positions are known."""


def reference_keypoints(sample: Sample) -> dict[str, Keypoints]:
    """Return the reference keypoints of a sample by their name, (n, K, 3) each; the box may have fewer.

    Args:
        sample: With whatever is known of its clouds.
    """
    count = sample.keypoints.shape[1]
    if sample.rest_positions is not None and sample.rest_id is not None and sample.frame is not None:
        indices = material_points(sample.rest_positions, sample.rest_id, sample.frame, count)
        points = np.asarray(sample.points, np.float64)
        followed = np.take_along_axis(points, indices[..., None], axis=1)
        # The set stands as it is on the first frame of the first object.
        first = _by_frame(sample.rest_id == sample.rest_id[0], sample.frame)[0]
        return {ORACLE: followed, STANDS_STILL: _everywhere(followed[first], points)}
    references = {}
    if sample.landmarks is not None and sample.landmark_ids is not None and (sample.landmark_ids >= 0).any():
        references[ORACLE] = annotated_places(sample.landmarks, sample.landmark_ids, count)
    mean = np.asarray(sample.keypoints, np.float64).mean(0)
    references[TEMPLATE] = _everywhere(mean, np.asarray(sample.points, np.float64))
    references[BOX] = box_places(sample.points, count)
    return references


def material_points(
    rest_positions: NDArray[np.floating],
    rest_id: NDArray[np.str_],
    frame: NDArray[np.integer],
    count: int,
) -> NDArray[np.int64]:
    """Return the cloud points (n, K) that show the same K material points on every cloud.

    The points are the farthest apart on the first cloud's object at rest, beginning with the one farthest
    from its centre. On another object they are the nearest to the same places, once its box at rest is
    stretched to the first one's. On each cloud an object's point is the one of the nearest rest position.

    Args:
        rest_positions: (n, N, 3), where each cloud point lies on its object at rest.
        rest_id: (n,) what has one shape at rest.
        frame: (n,) numbers; an object's points are chosen among those of its lowest.
        count: K.
    """
    rest = np.asarray(rest_positions, np.float64)
    in_box, sides = in_boxes(rest, rest_id.tolist())
    stretched = in_box.astype(np.float64) * sides[0] / 2
    names = list(dict.fromkeys(rest_id.tolist()))
    indices = np.empty((len(rest), count), np.int64)
    places = None
    for name in names:
        rows = _by_frame(rest_id == name, frame)
        first = rows[0]
        if places is None:
            places = stretched[first, _farthest_apart(stretched[first], count)]
        own = rest[first, arrays.nearest(places[None], stretched[first, None]).indices[0]]
        indices[rows] = arrays.nearest(np.broadcast_to(own, (len(rows), count, 3)), rest[rows]).indices
    return indices


def annotated_places(
    landmarks: NDArray[np.floating], landmark_ids: NDArray[np.integer], count: int
) -> Keypoints:
    """Return the annotations of the K most frequent kinds, (n, K, 3).

    Of equally frequent kinds the one of the lower id comes first. A shape that lacks a kind has in its
    place the annotation of its own that is nearest to the kind's mean place, and its origin where it has
    none at all; with fewer kinds than K, the most frequent ones come again.

    Args:
        landmarks: (n, A, 3), NaN where a shape has none.
        landmark_ids: (n, A) semantic ids, -1 where a shape has none; one of them at least is there.
        count: K.
    """
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(landmarks))
    kinds, frequency = np.unique(ids[ids >= 0], return_counts=True)
    order = kinds[np.argsort(-frequency, kind="stable")]
    places = np.zeros((len(known), count, 3))
    for column in range(count):
        kind = order[column % len(order)]
        mean = known[ids == kind].mean(0)
        for row in range(len(known)):
            own = ids[row] == kind
            candidates = known[row, own] if own.any() else known[row, ids[row] >= 0]
            if len(candidates):
                places[row, column] = candidates[np.linalg.norm(candidates - mean, axis=1).argmin()]
    return places


def _everywhere(places: Keypoints, points: NDArray[np.float64]) -> Keypoints:
    """Return one set of places (K, 3) on every cloud (n, N, 3), each at its nearest point."""
    return arrays.snapped(np.broadcast_to(places, (len(points), *places.shape)), points)


def _by_frame(of_object: NDArray[np.bool_], frame: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the rows of an object in the order of its frames."""
    rows = np.flatnonzero(of_object)
    return rows[np.argsort(frame[rows], kind="stable")]


def _farthest_apart(places: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return which of places (M, 3) lie farthest apart, the farthest from the centre first."""
    import torch

    from kg.ops import farthest_point_sample

    start = np.linalg.norm(places - places.mean(0), axis=1).argmax()
    cloud = torch.from_numpy(places.astype(np.float32))[None]
    return np.asarray(farthest_point_sample(cloud, count, torch.tensor([start]))[0].numpy())
