import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.evaluation.metrics.spread import collapsed, spread


@given(seed=st.integers(0, 2**32))
def test_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    keypoints, points = rng.normal(size=(3, rng.integers(2, 7), 3)), rng.normal(size=(3, 12, 3))
    found = spread(keypoints, points)
    for row, (places, cloud) in enumerate(zip(keypoints, points, strict=True)):
        diagonal = math.hypot(*(cloud.max(0) - cloud.min(0)))
        distances = [100 * math.dist(a, b) / diagonal for a, b in combinations(places, 2)]
        named = {min(range(12), key=lambda i: math.dist(cloud[i], place)) for place in places}
        assert found.least[row] == pytest.approx(min(distances))
        assert found.mean[row] == pytest.approx(sum(distances) / len(distances))
        assert found.distinct[row] == len(named)


def test_collapsed_keypoints():
    found = spread(np.zeros((1, 6, 3)), np.eye(3)[None])
    assert (found.least, found.mean, found.distinct) == ([0], [0], [1])


def test_two_of_three_keypoints_share_a_point():
    points = np.array([[[0.0, 0, 0], [10, 0, 0]]])
    found = spread([[[0, 0, 0], [1, 0, 0], [9, 0, 0]]], points)
    assert found.least == pytest.approx([10])
    assert found.distinct.tolist() == [2]


def test_size_does_not_matter():
    rng = np.random.default_rng(1)
    keypoints, points = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 40, 3))
    np.testing.assert_allclose(spread(keypoints * 7 + 3, points * 7 + 3), spread(keypoints, points))


def test_a_single_keypoint_has_no_distance():
    found = spread(np.zeros((2, 1, 3)), np.stack([np.eye(3)] * 2))
    assert np.isnan(found.least).all()
    assert np.isnan(found.mean).all()
    assert found.distinct.tolist() == [1, 1]


def test_a_cloud_in_one_place():
    with pytest.raises(ValueError, match="cloud 0 has no extent"):
        spread(np.zeros((1, 2, 3)), np.zeros((1, 5, 3)))


def test_keypoints_have_collapsed_where_two_are_one():
    cloud = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    apart, merged = cloud[:3], cloud[[0, 0, 2]]
    # Nearest to different points, though 0.9 % of the diagonal apart.
    touching = np.array([[0.5 - 0.0045 * math.sqrt(2), 0, 0], [0.5 + 0.0045 * math.sqrt(2), 0, 0], [0, 1, 0]])
    keypoints = np.stack([apart, merged, touching, apart])
    assert collapsed(keypoints, np.stack([cloud] * 4)) == 0.5
    wider = (touching - [0.5, 0, 0]) * [1.2, 1, 1] + [0.5, 0, 0]
    assert collapsed(wider[None], cloud[None]) == 0
    # Apart, but nearest to one point.
    assert collapsed(np.array([[[0.0, 0, 0], [0.1, 0, 0]]]), cloud[None]) == 1
    assert collapsed(cloud[None, :1], cloud[None]) == 0
