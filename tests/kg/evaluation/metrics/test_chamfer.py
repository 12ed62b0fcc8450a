import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree

from kg.evaluation.metrics.chamfer import chamfer
from kg.evaluation.metrics.repeatability import shift


def test_equals_a_tree():
    rng = np.random.default_rng(0)
    made, clouds = rng.random((3, 50, 3)), rng.random((3, 70, 3))
    expected = [
        np.square(cKDTree(b).query(a)[0]).mean() + np.square(cKDTree(a).query(b)[0]).mean()
        for a, b in zip(made, clouds, strict=True)
    ]
    assert_allclose(chamfer(made, clouds), expected, rtol=1e-5)
    assert chamfer(clouds, clouds).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="of 3 shapes, not 2"):
        chamfer(made, clouds[:2])


def test_a_shift_is_a_share_of_the_diagonal():
    points = np.array([[[0, 0, 0], [3, 4, 0.0]]])
    keypoints = np.array([[[1, 1, 1], [2, 2, 2.0]]])
    assert shift(keypoints, keypoints + np.array([0, 0, 1]), points).tolist() == [[20, 20]]
    with pytest.raises(ValueError, match="no extent"):
        shift(keypoints, keypoints, 0 * points)
