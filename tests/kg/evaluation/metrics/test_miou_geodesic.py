import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist

from kg.evaluation.metrics.metric import Terms
from kg.evaluation.metrics.miou import gaps, iou, with_curve
from kg.evaluation.metrics.miou_geodesic import geodesic_gaps


def slow(keypoints, points, landmarks, ids, threshold):
    """KeypointNet's definition, on a graph of the 20 nearest."""
    positives = missed = false = 0
    for predicted, cloud, known, which in zip(keypoints, points, landmarks, ids, strict=True):
        known = known[which >= 0]
        if not len(known):
            continue
        away = cdist(cloud, cloud)
        graph = np.zeros(away.shape)
        for node, others in enumerate(away.argsort(1)[:, 1:21]):
            graph[node, others] = graph[others, node] = away[node, others]
        ways = shortest_path(graph, directed=False)
        ways = ways[cdist(predicted, cloud).argmin(1)][:, cdist(known, cloud).argmin(1)]
        positives += len(known)
        missed += sum((column > threshold).all() for column in ways.T)
        false += sum((row > threshold).all() for row in ways)
    return 100 * (positives - missed) / (positives + false)


@pytest.fixture
def shapes():
    rng = np.random.default_rng(0)
    points = rng.random((4, 90, 3)) * [1, 1, 0.05]
    ids = np.array([[0, 1, 2], [0, -1, 2], [-1, -1, -1], [2, 1, 0]])
    landmarks = np.where((ids >= 0)[..., None], points[:, 5:8], np.nan)
    return rng.random((4, 5, 3)) * [1, 1, 0.05], points, landmarks, ids


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.4])
def test_equals_the_definition(shapes, threshold):
    found = iou(geodesic_gaps(*shapes), threshold).statistic(np.ones((1, 4)))[0]
    assert found == pytest.approx(slow(*shapes, threshold))


def test_the_curve_ends_with_the_value_and_a_shape_without_landmarks_has_none(shapes):
    measured = with_curve(geodesic_gaps(*shapes), Terms(threshold=0.3), 11)
    (curve,) = measured.curves
    assert curve.x.tolist() == pytest.approx(np.arange(11) * 0.03)
    assert curve.y[-1] == measured.parts["value"].statistic(np.ones((1, 4)))[0]
    assert np.isnan(measured.parts["value"].per_shape).tolist() == [False, False, True, False]


def test_the_way_along_the_surface_is_no_shorter_than_through_the_air(shapes):
    keypoints, points, landmarks, ids = shapes
    along, through = geodesic_gaps(*shapes), gaps(keypoints, landmarks, ids, points)
    known = ids >= 0
    assert (along.to_keypoint[known] >= through.to_keypoint[known] - 1e-12).all()


def test_no_landmark(shapes):
    keypoints, points, landmarks, ids = shapes
    with pytest.raises(ValueError, match="no shape has a landmark"):
        geodesic_gaps(keypoints, points, landmarks, 0 * ids - 1)
