import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kg.evaluation.metrics.inclusivity import inclusivity


@given(seed=st.integers(0, 2**32), threshold=st.sampled_from([0.05, 0.6, 1.3]))
def test_equals_the_definition(ragged, seed, threshold):
    data = ragged(seed)
    expected = [
        100 * np.mean([min(math.dist(place, point) for point in cloud) < threshold for place in keypoints])
        for keypoints, cloud in zip(data.keypoints, data.points, strict=True)
    ]
    assert_allclose(inclusivity(data.keypoints, data.points, threshold), expected)


def test_a_keypoint_at_exactly_the_threshold_is_out():
    keypoints = [[[0.5, 0, 0], [0.25, 0, 0]]]
    assert inclusivity(keypoints, np.zeros((1, 4, 3)), 0.5) == [50]


def test_points_of_the_cloud_are_in():
    cloud = np.random.default_rng(0).normal(size=(2, 50, 3))
    assert inclusivity(cloud[:, :8], cloud).tolist() == [100, 100]


def test_clouds_of_other_shapes():
    with pytest.raises(ValueError, match="points must be of 1 shapes, not 2"):
        inclusivity(np.zeros((1, 2, 3)), np.zeros((2, 2, 3)))
