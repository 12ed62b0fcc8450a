import numpy as np
import pytest
from scipy.spatial.distance import cdist

from kg.evaluation.metrics import METRICS, Sample, Terms
from kg.evaluation.metrics.das_annotated import dual_alignment
from kg.evaluation.metrics.das_rest import landmarks_at_rest


@pytest.fixture
def folded():
    """Three objects of two frames; on the second frames two layers lie on each other."""
    rng = np.random.default_rng(0)
    rest = np.stack([rng.permutation(rng.random((40, 3))) for _ in range(6)])
    points = rest.copy()
    points[1::2, :, 0] = np.abs(points[1::2, :, 0] - 0.5)
    landmarks = points[:, :4] + rng.normal(size=(6, 4, 3)) * 0.01
    ids = np.tile([5, 2, 9, 0], (6, 1))
    ids[3, 2], landmarks[3, 2] = -1, np.nan
    return landmarks, ids, points, rest, np.repeat(["a", "b", "c"], 2)


def slow_places(landmarks, ids, points, rest, names):
    own = np.full(landmarks.shape, np.nan)
    for row, column in np.argwhere(ids >= 0):
        own[row, column] = rest[row, cdist([landmarks[row, column]], points[row])[0].argmin()]
    places = np.full(landmarks.shape, np.nan)
    for row, column in np.argwhere(ids >= 0):
        alike = [own[i, column] for i in range(len(ids)) if names[i] == names[row] and ids[i, column] >= 0]
        places[row, column] = alike[cdist(alike, alike).sum(1).argmin()]
    return places


def test_a_landmark_has_one_place_on_its_object(folded):
    found = landmarks_at_rest(*folded)
    np.testing.assert_array_equal(found, slow_places(*folded))
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isnan(found[3, 2]).all()


def test_one_frame_of_another_layer_does_not_move_a_landmark():
    rest = np.stack([[[0.0, 0, 0], [0, 0, 1]]] * 3)
    points = rest.copy()
    points[2] = points[2, ::-1]
    landmarks = np.zeros((3, 1, 3))
    found = landmarks_at_rest(landmarks, np.zeros((3, 1), int), points, rest, ["a"] * 3)
    assert found.tolist() == [[[0, 0, 0]]] * 3


def test_it_is_the_das_of_places_at_rest(folded):
    landmarks, ids, points, rest, names = folded
    keypoints = np.random.default_rng(1).random((6, 3, 3))
    sample = Sample(
        keypoints=keypoints,
        points=points,
        scale=np.ones(6),
        offset=np.zeros(6),
        objects=names,
        rest_id=names,
        frame=np.tile([0, 1], 3),
        landmarks=landmarks,
        landmark_ids=ids,
        rest_positions=rest,
    )
    places = np.stack([rest[row, cdist(keypoints[row], points[row]).argmin(1)] for row in range(6)])
    expected = dual_alignment(places, slow_places(*folded), ids, self_pairs=False)
    parts = METRICS["das-rest"].measure(sample, Terms()).parts
    once = np.ones((1, 6))
    found = {name: float(part.statistic(once)[0]) for name, part in parts.items()}
    assert found == pytest.approx(expected._asdict())
    assert 0 < found["mean"] < 100
