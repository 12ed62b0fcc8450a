"""The network's promises: order, batch and size of the clouds do not matter."""

import pytest
import torch

from kg.config import ModelConfig, preset
from kg.errors import KgError
from kg.model import Features
from kg_detectors.key_grid import KeyGrid


def clouds(batch, points, seed=0):
    return torch.rand(batch, points, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture
def model(tiny_backbone):
    torch.manual_seed(0)
    made = KeyGrid(ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), sigma=0.3))
    # Running moments of a batch, so that evaluation has something to normalise by.
    made.train()(clouds(6, 40, seed=1))
    return made.eval()


@pytest.mark.parametrize("inference", ["soft", "hard"])
@torch.no_grad()
def test_the_order_of_the_points_does_not_matter(model, inference):
    points = clouds(3, 50)
    points[:, 7] = points[:, 3]  # a repeated point
    order = torch.randperm(50, generator=torch.Generator().manual_seed(2))
    one, other = model(points, inference=inference), model(points[:, order], inference=inference)
    assert torch.equal(one.keypoints, other.keypoints)
    assert torch.equal(one.edges, other.edges)
    # Rows of a matrix product may round differently, and the repeated point may change places with itself.
    torch.testing.assert_close(one.reconstruction[:, order], other.reconstruction, atol=1e-6, rtol=0)
    torch.testing.assert_close(one.weights[:, order], other.weights, atol=1e-6, rtol=0)
    for b in range(3):
        assert torch.equal(points[b, one.indices[b]], points[b, order][other.indices[b]])


@torch.no_grad()
def test_the_batch_does_not_matter(model):
    points = clouds(5, 50)
    together = model(points)
    for b in range(5):
        alone = model(points[b : b + 1])
        torch.testing.assert_close(alone.keypoints[0], together.keypoints[b], atol=1e-6, rtol=0)
        torch.testing.assert_close(alone.reconstruction[0], together.reconstruction[b], atol=1e-5, rtol=0)


@torch.no_grad()
def test_soft_keypoints_are_weighted_means_and_hard_ones_points(model):
    points = clouds(2, 50)
    soft, hard = model(points, inference="soft"), model(points, inference="hard")
    torch.testing.assert_close(soft.weights.sum(1), torch.ones(2, 5))
    expected = torch.einsum("bnk,bnx->bkx", soft.weights, points)
    torch.testing.assert_close(soft.keypoints, expected)
    for b in range(2):
        assert torch.equal(hard.keypoints[b], points[b, soft.weights[b].argmax(0)])


def test_a_batch_of_one_trains(model):
    found = model.train()(clouds(1, 40))
    (found.reconstruction.square().sum() + found.edges.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_both_losses_reach_every_parameter_that_they_should(model):
    found = model.train()(clouds(4, 40))
    (found.reconstruction.square().sum()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # Biases before a batch norm move nothing; the maximum heat may miss an edge, never all of them.
    assert not [name for name in without if name.startswith(("edge_head.score", "keypoint_head"))]


@torch.no_grad()
def test_the_decoder_reads_the_heat(model):
    points = clouds(2, 50)
    features = model.backbone(points)
    found = model(points)
    cold = model.decoder(features, found.keypoints, torch.zeros_like(found.edges))
    warm = model.decoder(features, found.keypoints, torch.ones_like(found.edges))
    assert not torch.allclose(cold, warm)


def ablated(**parts):
    torch.manual_seed(0)
    return KeyGrid(ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), sigma=0.3, **parts)).train()


def reached(model):
    """Return the parts of the network that the reconstruction of some clouds depends on."""
    model(clouds(4, 40)).reconstruction.square().sum().backward()
    return {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}


def test_without_the_heatmap_the_decoder_sees_the_encoder_alone(tiny_backbone):
    model = ablated(decoder_heatmap=False)
    # The coarser level's 12 channels and the finer one's 8: no 4 of the heat.
    assert model.decoder.steps[1].linears[0].in_features == 12 + 8
    assert reached(model) == {"backbone", "decoder"}
    features = model.backbone(clouds(2, 50))
    one, other = (
        model.eval().decoder(features, torch.full((2, 5, 3), place), torch.full((2, 10), weight))
        for place, weight in ((0.0, 0.1), (0.5, 0.9))
    )
    assert torch.equal(one, other)


def test_without_the_encoder_the_decoder_sees_the_heat_alone(tiny_backbone):
    model = ablated(decoder_features=False)
    # 4 channels of heat at either level.
    assert model.decoder.steps[1].linears[0].in_features == 4 + 4
    assert reached(model) == {"backbone", "keypoint_head", "edge_head", "decoder"}
    features = model.backbone(clouds(2, 50))
    keypoints, edges = torch.rand(2, 5, 3), torch.rand(2, 10)
    blank = Features(
        features.pyramid,
        [torch.zeros_like(values) for values in features.level_features],
        features.point_features,
        features.global_feature,
    )
    model.eval()
    assert torch.equal(model.decoder(features, keypoints, edges), model.decoder(blank, keypoints, edges))


def test_a_decoder_without_both_is_refused(tiny_backbone):
    with pytest.raises(KgError, match="nothing reaches the decoder"):
        ablated(decoder_heatmap=False, decoder_features=False)


@torch.no_grad()
def test_without_the_decoder_nothing_else_changes(model):
    points = clouds(2, 50)
    found = model(points, reconstruct=False)
    assert found.reconstruction is None
    assert torch.equal(found.keypoints, model(points).keypoints)


def test_clouds_too_small_are_refused_with_the_number_needed(model):
    with pytest.raises(KgError, match="32"):
        model(clouds(1, 31))


def test_an_unknown_backbone_is_answered_with_the_closest():
    with pytest.raises(KgError) as caught:
        KeyGrid(ModelConfig(backbone="pointnet"))
    assert "pointnet2" in caught.value.hint


def test_the_release_preset_follows_the_order_of_the_points():
    torch.manual_seed(0)
    model = KeyGrid(preset("release").model)
    with torch.no_grad():
        model.train()(clouds(2, 1024, seed=1), reconstruct=False)
        model.eval()
        points = clouds(1, 1100)
        one, other = (model(cloud, reconstruct=False).edges for cloud in (points, points.flip(1)))
    assert not torch.allclose(one, other, atol=1e-5)
