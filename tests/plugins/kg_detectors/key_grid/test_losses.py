"""The losses against scipy's k-d tree."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from kg_detectors.key_grid.losses import farthest_point_loss, separation_loss, similarity_loss


def chamfer(a, b):
    return (cKDTree(b).query(a)[0] ** 2).mean() + (cKDTree(a).query(b)[0] ** 2).mean()


def test_similarity_is_the_chamfer_distance():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 70, 3)), rng.random((2, 70, 3))
    expected = np.mean([chamfer(a, b) for a, b in zip(one, other, strict=True)])
    found = similarity_loss(torch.from_numpy(one), torch.from_numpy(other))
    assert found.item() == pytest.approx(expected)


def test_the_farthest_points_of_a_box_are_its_corners():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    inside = np.random.default_rng(1).uniform(-0.2, 0.2, (100, 3))
    cloud = torch.from_numpy(np.concatenate([corners, inside]))[None]
    keypoints = torch.from_numpy(corners[None] * 0.9)
    expected = 2 * 3 * 0.1**2
    assert farthest_point_loss(keypoints, cloud, 8).item() == pytest.approx(expected)


def test_the_start_of_the_farthest_points_can_be_chosen():
    cloud = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [5, 0, 0]]])
    keypoint = torch.tensor([[[1.0, 0, 0]]])
    assert farthest_point_loss(keypoint, cloud, 1, torch.tensor([1])).item() == 0
    assert farthest_point_loss(keypoint, cloud, 1, torch.tensor([2])).item() == pytest.approx(32)


def test_keypoints_are_pushed_apart_up_to_the_distance():
    keypoints = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [0, 0.5, 0]]], dtype=torch.float64)
    # One pair at a quarter of the distance, two beyond it.
    assert separation_loss(keypoints, 0.4).item() == pytest.approx(0.75**2 / 3, rel=1e-5)
    assert separation_loss(keypoints, 0.05).item() == 0


def test_keypoints_in_one_place_have_a_finite_push():
    keypoints = torch.zeros(1, 3, 3, dtype=torch.float64, requires_grad=True)
    separation_loss(keypoints, 0.3).backward()
    assert torch.isfinite(keypoints.grad).all()
    apart = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: separation_loss(k, 0.9), apart)
