"""Dual alignment score with landmarks, measured on objects at rest."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.das_annotated import alignment_parts
from kg.evaluation.metrics.metric import PERCENT, Measured, Metric, Sample, Terms


def landmarks_at_rest(
    landmarks: ArrayLike,
    landmark_ids: ArrayLike,
    points: ArrayLike,
    rest_positions: ArrayLike,
    rest_id: ArrayLike,
) -> NDArray[np.float64]:
    """Return where landmarks lie on their objects at rest, (n, A, 3), NaN for absent ones.

    On each cloud of an object a landmark lies at the rest position of the nearest cloud point. Of these
    places it has the one that is nearest to all the others: on some clouds the nearest point is one of
    another layer.

    Args:
        landmarks: (n, A, 3).
        landmark_ids: (n, A), -1 where there is no landmark.
        points: (n, N, 3), in the same space.
        rest_positions: (n, N, 3), where each cloud point lies on its object at rest.
        rest_id: (n,) what has one shape at rest.

    Raises:
        ValueError: An array has the wrong shape.
    """
    cloud = arrays.clouds("points", points)
    rest = arrays.clouds("rest_positions", rest_positions, len(cloud))
    known, ids = arrays.landmarks(landmarks, landmark_ids, len(cloud))
    present, names = ids >= 0, np.asarray(rest_id)
    own = arrays.snapped(np.where(present[..., None], known, 0), cloud, rest)
    places = np.full(known.shape, np.nan)
    for column in range(ids.shape[1]):
        for name, kind in sorted(set(zip(names.tolist(), ids[:, column].tolist(), strict=True))):
            rows = np.flatnonzero((names == name) & (ids[:, column] == kind))
            if kind >= 0:
                of_kind = own[rows, column]
                away = np.linalg.norm(of_kind[:, None] - of_kind, axis=2).sum(1)
                places[rows, column] = of_kind[away.argmin()]
    return places


def _measure(sample: Sample, terms: Terms) -> Measured:
    assert sample.landmarks is not None
    assert sample.landmark_ids is not None
    assert sample.rest_positions is not None
    assert sample.rest_id is not None
    known = sample.points, sample.rest_positions, sample.rest_id
    landmarks = landmarks_at_rest(sample.landmarks, sample.landmark_ids, *known)
    keypoints = arrays.clouds("keypoints", sample.keypoints)
    points = arrays.clouds("points", sample.points, len(keypoints))
    places = arrays.snapped(keypoints, points, arrays.clouds("rest_positions", sample.rest_positions))
    return Measured(alignment_parts(places, landmarks, sample.landmark_ids, terms.self_pairs))


METRIC = Metric(
    name="das-rest",
    title="The DAS with annotations, of the places on the object at rest, where no layers touch",
    units={"forward": PERCENT, "backward": PERCENT, "mean": PERCENT},
    measure=_measure,
    space="at rest",
    truth="landmarks at rest",
    compares=True,
)
