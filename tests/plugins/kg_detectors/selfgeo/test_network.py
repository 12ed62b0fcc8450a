"""What SelfGeo promises, whatever it has learnt."""

import pytest
import torch

from kg.config import ModelConfig, TrainConfig
from kg.model import Batch
from kg_detectors.selfgeo import SelfGeo


@pytest.fixture
def clouds():
    return torch.rand(3, 48, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def model(tiny_backbone):
    torch.manual_seed(0)
    return SelfGeo(ModelConfig(keypoints=4, backbone="tiny"), TrainConfig(points=40), places="8")


def test_keypoints_are_in_the_cloud_and_move_with_it(model, clouds):
    model.eval()
    found = model.find(clouds)
    shuffled = model.find(clouds[:, torch.randperm(48)])
    torch.testing.assert_close(shuffled.keypoints, found.keypoints)
    larger = model.find(3 * clouds + 1)
    torch.testing.assert_close(larger.keypoints, 3 * found.keypoints + 1, atol=1e-4, rtol=1e-4)
    hard = model.find(clouds, "hard")
    assert torch.cdist(hard.keypoints, clouds).amin(2).max() < 1e-6
    assert model.reconstruct(clouds).shape == (3, 40, 3)


def test_all_parts_learn(model, clouds):
    losses = model.train().losses(Batch(clouds), 0)
    assert {name: weight for name, (weight, _) in losses.items()} == {
        "reconstruction": 1,
        "coverage": 2.5,
        "surface": 6,
        "smoothness": 2,
        "geodesic": 6,
    }
    sum(weight * value for weight, value in losses.values()).backward()
    assert all(bool(each.grad.isfinite().all()) for each in model.parameters())
    assert model.score.weight.grad.abs().sum() > 0


def test_reconstruction_is_the_mean_distance_both_ways(model, clouds):
    model.eval()
    points = clouds - clouds.mean(1, keepdim=True)
    points = points / points.norm(dim=2).amax(1)[:, None, None] / 2
    apart = torch.cdist(model(points).rebuilt, points)
    expected = (apart.amin(1).mean() + apart.amin(2).mean()) / 2
    found = model.losses(Batch(clouds), 0)["reconstruction"][1]
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
