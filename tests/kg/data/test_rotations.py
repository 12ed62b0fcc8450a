"""Rotations that bring points onto their namesakes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kg.data.rotations import angle_of, fit_rotation


def case(seed, count=8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)), Rotation.random(random_state=seed).as_matrix(), rng


@pytest.mark.parametrize("seed", range(5))
def test_a_rotation_is_found_whatever_place_and_size(seed):
    points, turn, _ = case(seed)
    found = fit_rotation(points, points @ turn.T * 3 - 7)
    np.testing.assert_allclose(found, turn, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_two_wrong_keypoints_of_ten_count_for_little(seed):
    points, turn, rng = case(seed, 10)
    there = points @ turn.T
    there[:2] += 2 * rng.normal(size=(2, 3))
    there += 0.01 * rng.normal(size=there.shape)
    plain, _ = Rotation.align_vectors(there - there.mean(0), points - points.mean(0))
    off = angle_of(fit_rotation(points, there) @ turn.T)
    assert off < 2
    assert off < 0.5 * angle_of(plain.as_matrix() @ turn.T)


def test_it_is_never_a_mirror_image():
    points, _, _ = case(3)
    found = fit_rotation(points, points * [-1, 1, 1])
    assert np.linalg.det(found) == pytest.approx(1)
    flat = points * [1, 1, 0]
    assert np.linalg.det(fit_rotation(flat, flat * [-1, 1, 1])) == pytest.approx(1)


def test_keypoints_in_a_plane_are_enough():
    points, turn, _ = case(1)
    flat = points * [1, 1, 0]
    np.testing.assert_allclose(fit_rotation(flat, flat @ turn.T), turn, atol=1e-9)


def test_what_turns_with_the_points_is_the_fit():
    points, turn, rng = case(2)
    reference = points + 0.2 * rng.normal(size=points.shape)
    np.testing.assert_allclose(
        fit_rotation(points @ turn.T, reference) @ turn, fit_rotation(points, reference), atol=1e-9
    )


def test_angles_are_those_of_scipy():
    turns = Rotation.random(20, random_state=0)
    np.testing.assert_allclose(angle_of(turns.as_matrix()), np.degrees(turns.magnitude()), atol=1e-6)
    assert angle_of(np.eye(3)) == 0


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(ValueError, match="do not belong together"):
        fit_rotation(np.zeros((3, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="not finite"):
        fit_rotation(np.full((3, 3), np.nan), np.zeros((3, 3)))
