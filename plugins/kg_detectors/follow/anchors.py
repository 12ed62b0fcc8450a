"""Where on the object at rest keypoints are."""

import numpy as np
from numpy.typing import NDArray

from kg.data.sample import farthest_points
from kg.errors import KgError
from kg.model import Examples
from kg_detectors.follow.template import Template

ANCHORS = ("seams", "farthest", "landmarks")


def choose_anchors(kind: str, template: Template, examples: Examples, count: int) -> NDArray[np.int64]:
    """Return which of the template's places keypoints are read out at, (count,).

    Args:
        kind: One of `ANCHORS`.
        template: Of the objects.
        examples: That it was made of.
        count: K.

    Raises:
        KgError: There are not so many landmarks.
    """
    if kind == "seams":
        return template.spread(count)
    if kind == "farthest":
        return farthest_points(template.stretched, count)
    places = landmark_places(examples)
    if len(places) < count:
        raise KgError(
            f"{count} keypoints cannot lie on {len(places)} landmarks.",
            f"Ask for fewer, -k {len(places)}, or for other anchors: --set detector.anchors=seams.",
        )
    return template.nearest(places[:count])


def landmark_places(examples: Examples) -> NDArray[np.float64]:
    """Return where each kind of landmark lies at rest, (L, 3) in [-1, 1], in the order of their ids.

    Of each cloud that is the place of the point nearest to the landmark; of all clouds, the median.
    """
    if examples.landmarks is None or examples.landmark_ids is None or examples.rest is None:
        return np.empty((0, 3))
    points, rest = examples.points.numpy(), examples.rest.numpy()
    positions, ids = examples.landmarks.numpy(), examples.landmark_ids.numpy()
    found: dict[int, list[NDArray[np.floating]]] = {}
    for row in range(len(points)):
        for position, name in zip(positions[row], ids[row], strict=True):
            if name >= 0:
                nearest = np.square(points[row] - position).sum(1).argmin()
                found.setdefault(int(name), []).append(rest[row, nearest])
    return np.array([np.median(found[name], axis=0) for name in sorted(found)]).reshape(-1, 3)
