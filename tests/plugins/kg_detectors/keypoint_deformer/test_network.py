"""What KeypointDeformer promises, whatever it has learnt."""

import pytest
import torch

from kg.config import ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch
from kg_detectors.keypoint_deformer import KeypointDeformer


@pytest.fixture
def clouds():
    return torch.rand(3, 60, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def model():
    torch.manual_seed(0)
    return KeypointDeformer(ModelConfig(keypoints=4), TrainConfig(epochs=20))


def test_keypoints_do_not_depend_on_the_order_of_points(model, clouds):
    found = model.eval().find(clouds)
    turned = model.find(clouds.flip(1))
    torch.testing.assert_close(turned.keypoints, found.keypoints)
    assert torch.equal(turned.indices, 59 - found.indices)
    assert found.keypoints.abs().max() <= 1
    hard = model.find(clouds, "hard")
    assert torch.equal(hard.keypoints, clouds.gather(1, found.indices[..., None].expand(-1, -1, 3)))


def test_without_a_move_nothing_is_deformed_and_a_keypoint_moves_its_nearest_vertices(model, clouds):
    keypoints = model(clouds)
    still = model.deform(clouds, keypoints, keypoints)
    # In float32; where a point is nearly in the plane of a face, digits are lost.
    torch.testing.assert_close(still.points, clouds, atol=5e-3, rtol=0)
    moved = model.deform(clouds, keypoints, keypoints + 0.1)
    # 42 vertices among 4 keypoints.
    assert moved.influence.ne(0).sum(2).tolist() == 3 * [4 * [10]]
    apart = torch.cdist(keypoints, moved.cage)
    assert torch.equal(apart <= apart.sort(2).values[..., 9:10], moved.influence.ne(0))
    expected = moved.cage + 0.1 * moved.influence.sum(1)[..., None]
    torch.testing.assert_close(moved.moved, expected)


def test_shapes_are_deformed_after_the_first_tenth(model, clouds):
    assert [model.stage(epoch) for epoch in (0, 1, 2, 19)] == [0, 0, 1, 1]
    assert set(model.losses(Batch(clouds), 0)) == {"spread"}
    assert set(model.losses(Batch(clouds), 1)) == {"spread", "chamfer", "offset"}
    one, other = (model.validation_losses(Batch(clouds)) for _ in range(2))
    assert {name: value.item() for name, (_, value) in one.items()} == {
        name: value.item() for name, (_, value) in other.items()
    }


def test_a_single_cloud_is_its_own_target(model, clouds):
    losses = model.losses(Batch(clouds[:1]), 1)
    assert losses["chamfer"][1].item() == pytest.approx(0, abs=1e-6)


def test_what_it_cannot_take_is_refused(model, clouds):
    with pytest.raises(KgError, match="needs 8"):
        model(clouds[:, :7])
    with pytest.raises(KgError, match=r"detector\.warmup"):
        KeypointDeformer(ModelConfig(), warmup="2")
