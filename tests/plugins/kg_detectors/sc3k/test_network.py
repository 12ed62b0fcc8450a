"""What SC3K promises: keypoints within the cloud, the same each time, whatever the order of its points."""

import pytest
import torch

from kg.config import ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch
from kg_detectors.sc3k import SC3K


def clouds(batch, points=30, seed=0):
    return torch.rand(batch, points, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = SC3K(ModelConfig(keypoints=4))
    made.train()(clouds(3, seed=1))
    return made.eval()


@torch.no_grad()
def test_it_has_the_parameters_of_the_released_network():
    assert sum(p.numel() for p in SC3K(ModelConfig(keypoints=10)).parameters()) == pytest.approx(
        4.78e6, rel=2e-3
    )


@torch.no_grad()
def test_the_order_of_the_points_does_not_matter(model):
    points = clouds(2)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(2))
    one, other = model.find(points), model.find(points[:, order])
    torch.testing.assert_close(one.keypoints, other.keypoints)
    torch.testing.assert_close(one.confidences, other.confidences)
    assert one.edges is None


@torch.no_grad()
def test_keypoints_move_with_the_cloud_and_its_size(model):
    points = clouds(2)
    moved = model.find(3 * points + 5).keypoints
    torch.testing.assert_close(moved, 3 * model.find(points).keypoints + 5, atol=1e-3, rtol=0)


@torch.no_grad()
def test_hard_keypoints_are_points(model):
    points = clouds(2)
    found = model.find(points, "hard")
    assert torch.equal(found.keypoints, points.gather(1, found.indices[..., None].expand(-1, -1, 3)))


@torch.no_grad()
def test_validation_sees_the_same_views_each_time(model):
    batch = Batch(clouds(2))
    one, other = (model.validation_losses(batch) for _ in range(2))
    assert {name: value.item() for name, (_, value) in one.items()} == {
        name: value.item() for name, (_, value) in other.items()
    }


def test_training_draws_its_views_and_every_parameter_learns():
    torch.manual_seed(0)
    model, batch = SC3K(ModelConfig(keypoints=4)).train(), Batch(clouds(3))
    one, other = (model.losses(batch, 0) for _ in range(2))
    assert one["consistency"][1].item() != other["consistency"][1].item()
    sum(weight * value for weight, value in one.values()).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_options_that_cannot_be_read_are_refused():
    with pytest.raises(KgError, match=r"detector\.poses"):
        SC3K(ModelConfig(), poses="upright")


def test_it_learns_in_bf16():
    torch.manual_seed(0)
    exact = SC3K(ModelConfig(keypoints=4), TrainConfig())
    rounded = SC3K(ModelConfig(keypoints=4), TrainConfig(precision="bf16"))
    rounded.load_state_dict(exact.state_dict())
    batch = Batch(clouds(3))
    expected = exact.eval().validation_losses(batch)
    for name, (_, value) in rounded.eval().validation_losses(batch).items():
        # Products have eight bits: the pose loss differs by 1.4 %, all others by less than 1e-5.
        torch.testing.assert_close(value, expected[name][1], rtol=0.05, atol=1e-6)
    torch.stack([value for _, value in rounded.train().losses(batch, 0).values()]).sum().backward()
    assert all(each.grad.isfinite().all() for each in rounded.parameters())
