"""The backbone that sees clouds in frames of their own."""

import pytest
import torch

from kg import plugins
from kg.config import ModelConfig
from kg.errors import KgError
from kg.model.backbone import check_features
from kg.train.augment import turns
from kg_backbones import framed
from kg_backbones.framed import Framed, frames, varied_frames
from kg_detectors.key_grid import KeyGrid

MIRROR = torch.tensor([-1.0, 1, 1])


def chairs(batch=2, count=600, seed=0):
    """Clouds with long, middle and short sides, and a back rest: skewed along two of them."""
    generator = torch.Generator().manual_seed(seed)
    seat = torch.rand(batch, count, 3, generator=generator) * torch.tensor([1.0, 0.6, 0.1])
    seat[:, : count // 4] = seat[:, : count // 4] * torch.tensor([0.1, 1.0, 7.0])
    return seat + torch.tensor([3.0, -2.0, 1.0])


def exact_turns(count, seed=1):
    """Rotations in float64."""
    torch.manual_seed(seed)
    left, _, right = torch.linalg.svd(turns(count, "all", 180.0, torch.device("cpu")).double())
    return left @ right


def test_it_is_found_by_its_entry_point():
    assert plugins.BACKBONES.load("framed") is Framed


def test_frames_are_right_handed_principal_axes():
    points = chairs()
    found = frames(points)
    eye = torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(found.transpose(1, 2) @ found, eye.expand(2, 3, 3))
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(2, dtype=torch.float64))
    along = (points.double() - points.double().mean(1, keepdim=True)) @ found
    covariance = along.transpose(1, 2) @ along / points.shape[1]
    lengths = covariance.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(covariance, torch.diag_embed(lengths))
    assert (lengths.diff(dim=1) < 0).all()


def test_a_frame_turns_with_its_cloud():
    points = chairs().double()
    first = frames(points)
    for turn in exact_turns(20):
        torch.testing.assert_close(frames(points @ turn * 3 + 5), turn.T @ first)


@pytest.mark.parametrize("within", ["layered", "pointnet2"])
def test_what_it_says_does_not_change_when_clouds_are_turned_moved_scaled_and_shuffled(within):
    # In float32 rounding may choose another of two neighbours that are equally near.
    torch.manual_seed(0)
    backbone = Framed(within).eval().double()
    points = chairs(count=1100).double()
    order = torch.randperm(points.shape[1])
    with torch.no_grad():
        known = backbone(points)
        for turn in exact_turns(3):
            found = backbone((points @ turn * 0.3 - 7)[:, order])
            torch.testing.assert_close(found.global_feature, known.global_feature, atol=1e-6, rtol=0)
            expected = known.point_features[:, order]
            torch.testing.assert_close(found.point_features, expected, atol=1e-6, rtol=0)


def test_keypoints_of_key_grid_turn_with_the_cloud():
    torch.manual_seed(0)
    detector = KeyGrid(ModelConfig(keypoints=4, backbone="framed", grid=(4, 4, 4))).eval()
    points = chairs()
    order = torch.randperm(points.shape[1])
    with torch.no_grad():
        known = detector.find(points).keypoints
        for turn in exact_turns(20):
            found = detector.find((points @ turn.float())[:, order]).keypoints
            # The largest difference that was seen of 200 turns is 3e-5.
            torch.testing.assert_close(found, known @ turn.float(), atol=1e-4, rtol=0)


def test_a_mirrored_cloud_is_another():
    torch.manual_seed(0)
    backbone = Framed().eval()
    points = chairs()
    with torch.no_grad():
        known, mirrored = backbone(points), backbone(points * MIRROR)
    assert (known.global_feature - mirrored.global_feature).abs().max() > 1e-2
    assert (known.point_features - mirrored.point_features).abs().max() > 1e-2


def test_left_and_right_of_a_symmetric_shape_are_told_apart():
    torch.manual_seed(0)
    half = chairs() - torch.tensor([3.0, -2.0, 1.0])
    points = torch.cat([half, half * torch.tensor([1.0, -1, 1])], dim=1)
    count = half.shape[1]
    backbone = Framed().eval()
    with torch.no_grad():
        features = backbone(points).point_features
    one, other = features[:, :count], features[:, count:]
    assert (one - other).norm(dim=2).median() > 0.1 * one.norm(dim=2).median()


def test_it_gives_what_it_declares_in_the_order_and_place_of_the_cloud():
    torch.manual_seed(0)
    backbone, points = Framed().train(), chairs()
    features = backbone(points)
    check_features(backbone, points, features)
    assert features.pyramid.clouds[0] is points
    for cloud in features.pyramid.clouds[1:]:
        apart = torch.cdist(cloud, points, compute_mode="donot_use_mm_for_euclid_dist")
        assert apart.amin(2).max() < 1e-5
    features.point_features.square().sum().backward()
    assert not [name for name, p in backbone.named_parameters() if p.grad is None]


def test_frames_vary_while_training_alone(monkeypatch):
    seen = []

    def noted(points):
        seen.append(points)
        return frames(points)

    monkeypatch.setattr(framed, "varied_frames", noted)
    backbone, points = Framed(), chairs(1)
    backbone.eval()(points)
    assert not seen
    backbone.train()(points)
    assert seen[0] is points


def test_varied_frames_differ_and_stay_right_handed():
    torch.manual_seed(0)
    points = chairs(1).expand(64, -1, -1)
    found = varied_frames(points)
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(64, dtype=torch.float64))
    agree = (found * frames(points)).sum(1)  # cosines of the axes with those at rest
    assert agree.std() > 0.01
    assert agree[:, 0].abs().mean() > 0.9


def test_axes_of_little_skewness_point_the_other_way_where_that_is_doubted():
    points = chairs(1)
    known = frames(points)
    along = (points[0].double() - points[0].double().mean(0)) @ known[0]
    skewness = along.pow(3).mean(0) / along.square().mean(0).pow(1.5)
    order = skewness.abs().argsort(descending=True)
    assert (skewness[order[:2]] > 0).all()
    doubt = torch.zeros(1, 3, dtype=torch.float64)
    torch.testing.assert_close(frames(points, doubt=doubt), known)
    # More than the second largest: that axis turns round, and with it the one that the hand decides.
    doubt[0, order[1]] = -2 * skewness[order[1]]
    signs = (frames(points, doubt=doubt) * known).sum(1)[0].round()
    assert signs[order].tolist() == [1, -1, -1]


def test_options_are_those_of_the_backbone_within():
    assert not Framed("layered", vertical="none").within.columns
    with pytest.raises(KgError, match="vertical"):
        KeyGrid(ModelConfig(backbone="framed", backbone_options={"within": "pointnet2", "vertical": "none"}))
    with pytest.raises(KgError, match="frame within a frame"):
        Framed("framed")
