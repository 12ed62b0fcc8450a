import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kg.evaluation.metrics.coverage import coverage


def box_diagonal(points):
    return math.hypot(*(max(axis) - min(axis) for axis in zip(*points, strict=True)))


@given(seed=st.integers(0, 2**32))
def test_equals_the_definition(ragged, seed):
    data = ragged(seed)
    expected = []
    for keypoints, cloud in zip(data.keypoints, data.points, strict=True):
        whole = box_diagonal(cloud)
        if whole == 0:
            return
        expected.append(100 * max(0, 1 - abs(whole - box_diagonal(keypoints)) / whole))
    assert_allclose(coverage(data.keypoints, data.points), expected, atol=1e-9)


def test_too_small_too_large_and_elsewhere():
    cube = np.array([[0.0, 0, 0], [1, 1, 1]])
    keypoints = np.stack([cube, cube / 4, cube * 1.5, cube * 3, cube + 7])
    assert_allclose(coverage(keypoints, np.stack([cube] * 5)), [100, 25, 50, 0, 100])


def test_a_single_keypoint_covers_nothing():
    assert coverage(np.zeros((1, 1, 3)), np.eye(3)[None]) == [0]


def test_a_cloud_in_one_place():
    with pytest.raises(ValueError, match="cloud 1 has no extent"):
        coverage(np.zeros((2, 1, 3)), np.stack([np.eye(3), np.zeros((3, 3))]))
