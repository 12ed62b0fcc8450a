"""SC3K's losses against plain calculations, and against what the released code says of made keypoints."""

import math

import numpy as np
import pytest
import torch

from kg.config import ModelConfig
from kg_detectors.sc3k import SC3K
from kg_detectors.sc3k.losses import (
    consistency_loss,
    overlap_loss,
    pose_loss,
    rotation_between,
    separation_loss,
    shape_loss,
    volume_loss,
)
from kg_detectors.sc3k.poses import camera, draw_poses, posed

# Our names of the losses, and the released ones of each view.
NAMES = {
    "separation": ("sep1", "sep2"),
    "overlap": ("overlap1", "overlap2"),
    "shape": ("shape1", "shape2"),
    "volume": ("volume1", "volume2"),
    "consistency": ("consist",),
    "pose": ("relative_pose",),
}


@pytest.fixture
def scene():
    made = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2, 4, 3, generator=made) * 2 - 1
    return keypoints, torch.rand(2, 20, 3, generator=made) * 2 - 1


def distances(one, other):
    return np.linalg.norm(one[:, None].numpy() - other[None].numpy(), axis=2)


def test_separation_is_one_over_the_mean_distance_to_the_next(scene):
    keypoints, _ = scene
    nearest = [(distances(one, one) + 9 * np.eye(4)).min(0) for one in keypoints]
    each = [1 / row.mean() for row in nearest]
    assert separation_loss(keypoints).item() == pytest.approx(np.mean(each), rel=1e-5)
    assert separation_loss(keypoints, released=True).item() == pytest.approx(1 / np.mean(nearest), rel=1e-5)


def test_keypoints_in_one_place_cost_much_and_not_everything():
    assert separation_loss(torch.zeros(2, 4, 3)).item() == pytest.approx(1000)


def test_overlap_counts_ordered_pairs():
    keypoints = torch.tensor([[[0.0, 0, 0], [0.01, 0, 0], [0.5, 0, 0], [0.5, 0, 0]], 4 * [[0.0, 0, 0]]])
    keypoints[1, :, 0] = torch.arange(4)
    assert overlap_loss(keypoints).item() == 2
    assert overlap_loss(keypoints, released=True).item() == 2
    keypoints[0, 3, 0] = 0.52
    assert overlap_loss(keypoints, released=True).item() == 4


def test_shape_is_how_far_keypoints_are_from_the_cloud_or_the_cloud_from_them(scene):
    keypoints, points = scene
    apart = [distances(one, cloud) for one, cloud in zip(keypoints, points, strict=True)]
    assert shape_loss(keypoints, points).item() == pytest.approx(np.mean([a.min(1) for a in apart]), rel=1e-5)
    swapped = np.mean([a.min(0) for a in apart])
    assert shape_loss(keypoints, points, released=True).item() == pytest.approx(swapped, rel=1e-5)


def test_volume_compares_the_sides_of_boxes():
    keypoints, points = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    points[0, 1] = torch.tensor([0.5, 1.0, 3.0])
    assert volume_loss(keypoints, points).item() == pytest.approx((0.125 + 0.5 + 2.5) / 3)


def test_turned_keypoints_agree_in_place_and_pose(scene):
    keypoints, _ = scene
    poses = [draw_poses(2, "all", "y", torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    one, other = (keypoints @ pose for pose in poses)
    between = poses[1].transpose(1, 2) @ poses[0]
    assert consistency_loss(one, other, between).item() == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(rotation_between(one, other), between)
    assert pose_loss(one, other, between).item() == pytest.approx(0, abs=1e-5)


def test_the_pose_loss_is_half_the_angle_that_is_missing(scene):
    keypoints, _ = scene
    turn = camera(torch.tensor([0.6, 0.2]), torch.zeros(2), "y")
    missed = pose_loss(keypoints @ turn, keypoints, torch.eye(3).expand(2, 3, 3))
    assert missed.item() == pytest.approx((0.3 + 0.1) / 2, rel=1e-4)


def test_the_released_pose_loss_is_flat_where_ours_is_not(scene):
    keypoints, _ = scene
    between = camera(torch.full((2,), 2.5), torch.zeros(2), "y")
    for released in (True, False):
        moved = keypoints.clone().requires_grad_()
        pose_loss(moved, keypoints, between, released).backward()
        assert bool(moved.grad.any()) is not released


def test_poses_are_rotations_and_cameras_look_down_a_little():
    for kind in ("cameras", "all"):
        poses = draw_poses(50, kind, "y", torch.Generator().manual_seed(0))
        torch.testing.assert_close(poses @ poses.transpose(1, 2), torch.eye(3).expand(50, 3, 3))
        torch.testing.assert_close(torch.linalg.det(poses), torch.ones(50))
    up = (torch.tensor([0.0, 1, 0]) @ draw_poses(50, "cameras", "y", torch.Generator().manual_seed(0)))[:, 1]
    assert math.cos(math.radians(30)) - 1e-5 < up.min() < up.max() < math.cos(math.radians(25)) + 1e-5


def test_posed_clouds_are_centred_and_reach_the_unit_sphere(scene):
    _, points = scene
    views = posed(points, draw_poses(2, "all", "y", torch.Generator().manual_seed(3)))
    torch.testing.assert_close(views.mean(1), torch.zeros(2, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(views.norm(dim=2).amax(1), torch.ones(2))


@pytest.mark.parametrize("case", ["near", "exact", "far", "coincident", "collapsed"])
def test_the_released_code_says_the_same(golden, close, case):
    data = golden("sc3k")
    inputs, recorded = data.arrays("inputs"), data.arrays("losses")
    expected = {name[len(case) + 1 :]: value for name, value in recorded.items() if name.startswith(case)}
    keypoints = [torch.from_numpy(expected[name]).requires_grad_() for name in ("kp1", "kp2")]
    views = [torch.from_numpy(inputs[name]) for name in ("points1", "points2")]
    between = torch.from_numpy((inputs["R2"] @ inputs["R1"].transpose(0, 2, 1)).astype(np.float32))
    losses = SC3K(ModelConfig(), release="true").losses_of(keypoints, views, between)
    for name, (weight, value) in losses.items():
        parts = sum(float(expected[f"weighted_{part}"]) for part in NAMES[name])
        assert weight * value.item() == pytest.approx(parts, rel=1e-5, abs=1e-5), name
    total = sum(weight * value for weight, value in losses.values())
    assert total.item() == pytest.approx(float(expected["total"]), rel=1e-5)
    total.backward()
    for one, name in zip(keypoints, ("grad_kp1", "grad_kp2"), strict=True):
        # Of keypoints in one place, either may be another's nearest.
        same = torch.cdist(one, one, compute_mode="donot_use_mm_for_euclid_dist").detach() == 0
        merged = [same.float() @ grad for grad in (one.grad, torch.from_numpy(expected[name]))]
        # The gradient of singular vectors is ill-conditioned where the views agree.
        close(merged[0], merged[1], relative=2e-2 if case == "exact" else 1e-4)
