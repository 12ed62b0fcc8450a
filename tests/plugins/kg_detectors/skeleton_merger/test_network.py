"""What Skeleton Merger promises: one cloud's keypoints and losses depend on no other cloud."""

import pytest
import torch

from kg import ops
from kg.config import ModelConfig
from kg.errors import KgError
from kg.model import Batch
from kg_detectors.skeleton_merger import SkeletonMerger


def clouds(batch, points=40, seed=0):
    return torch.rand(batch, points, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture
def model(tiny_backbone):
    torch.manual_seed(0)
    made = SkeletonMerger(ModelConfig(keypoints=4, backbone="tiny"))
    made.train()(clouds(6, seed=1))
    return made.eval()


@torch.no_grad()
def test_the_order_of_the_points_does_not_matter(model):
    points = clouds(3)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    one, other = model.find(points), model.find(points[:, order])
    assert torch.equal(one.keypoints, other.keypoints)
    torch.testing.assert_close(one.edges, other.edges)
    torch.testing.assert_close(one.confidences, other.confidences)
    assert torch.equal(ops.gather(points, one.indices), ops.gather(points[:, order], other.indices))


@torch.no_grad()
def test_keypoints_are_means_of_the_cloud_or_points_of_it(model):
    points = clouds(2)
    soft, hard = model(points), model(points, inference="hard")
    expected = torch.einsum("bnk,bnx->bkx", soft.weights, points)
    torch.testing.assert_close(soft.keypoints, expected)
    torch.testing.assert_close(hard.keypoints, ops.gather(points, soft.weights.argmax(1)))
    assert soft.strengths.shape == (2, 6)


@torch.no_grad()
def test_losses_of_a_batch_are_means_of_those_of_its_clouds(model):
    points = clouds(3)
    together = model.validation_losses(Batch(points))
    alone = [model.validation_losses(Batch(points[b : b + 1])) for b in range(3)]
    assert [weight for weight, _ in together.values()] == [1, 1, 20, 0.01]
    for name, (_, value) in together.items():
        mean = sum(one[name][1].item() for one in alone) / 3
        assert value.item() == pytest.approx(mean, rel=1e-5), name


@torch.no_grad()
def test_the_released_code_couples_the_clouds_of_a_batch(tiny_backbone):
    torch.manual_seed(0)
    model = SkeletonMerger(ModelConfig(keypoints=4, backbone="tiny"), release="true").eval()
    model.keypoint_head.mix.weight.mul_(300)  # Keypoints far apart, so that edges have many points.
    points = clouds(2)
    points[1] *= 0.2
    together = model.validation_losses(Batch(points))["forward"][1]
    alone = [model.validation_losses(Batch(points[b : b + 1]))["forward"][1] for b in range(2)]
    assert together.item() != pytest.approx(sum(alone).item() / 2, rel=1e-5)


def test_every_parameter_learns(model):
    losses = model.train().losses(Batch(clouds(4)), 0)
    sum(weight * value for weight, value in losses.values()).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    assert model.offsets.grad.any()


def test_an_option_that_cannot_be_read_is_refused():
    with pytest.raises(KgError, match=r"detector\.release"):
        SkeletonMerger(ModelConfig(), release="perhaps")
