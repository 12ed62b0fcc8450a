import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kg.metrics.correspondence import material_drift


@pytest.fixture
def folding():
    """Two strips, three and two frames, rows mixed up; points are shuffled from frame to frame."""
    rng = np.random.default_rng(0)
    objects = np.array(["b", "a", "a", "b", "a"])
    frame = np.array([5, 2, 0, 1, 9])
    material = np.stack([rng.permutation(rng.random((40, 3)) * [4, 1, 0]) for _ in range(5)])
    points = material + np.sin(material * 3 + frame[:, None, None])
    keypoints = points[:, :3] + rng.normal(size=(5, 3, 3)) * 0.02
    return keypoints, points, material, objects, frame


def nearest_material(keypoint, cloud, material):
    return material[min(range(len(cloud)), key=lambda i: math.dist(cloud[i], keypoint))]


def test_equals_the_definition(folding):
    keypoints, points, material, objects, frame = folding
    expected = np.full((5, 3), np.nan)
    for name in ("a", "b"):
        first, *others = sorted(np.flatnonzero(objects == name), key=lambda row: frame[row])
        extent = math.dist(material[first].min(0), material[first].max(0))
        for row in others:
            here, there = (
                [nearest_material(keypoint, points[at], material[at]) for keypoint in keypoints[at]]
                for at in (row, first)
            )
            expected[row] = [100 * math.dist(a, b) / extent for a, b in zip(here, there, strict=True)]
    assert_allclose(material_drift(*folding), expected)


def test_keypoints_that_stay_on_the_cloth_do_not_drift_however_it_moves():
    rest = np.random.default_rng(1).random((60, 3))
    moved = rest[::-1] * [1, -3, 2] + 5
    points, material = np.stack([rest, moved]), np.stack([rest, rest[::-1]])
    keypoints = np.stack([rest[:4], moved[::-1][:4]])
    assert material_drift(keypoints, points, material, ["x", "x"], [0, 1])[1].tolist() == [0, 0, 0, 0]


def test_an_object_with_one_frame_has_nothing_to_tell(folding):
    keypoints, points, material, _, frame = folding
    with pytest.raises(ValueError, match="no object has two frames"):
        material_drift(keypoints, points, material, list("abcde"), frame)
    drift = material_drift(keypoints, points, material, list("aabcd"), frame)
    assert np.flatnonzero(~np.isnan(drift).any(1)).tolist() == [0]


def test_arrays_that_do_not_belong_together(folding):
    keypoints, points, material, objects, frame = folding
    with pytest.raises(ValueError, match="do not belong together"):
        material_drift(keypoints, points, material[:, :9], objects, frame)
