"""Whether the decoder uses the heatmap: by one cloud at a time, and by the loss itself."""

import math

import pytest
import torch

from kg import ops
from kg.config import ModelConfig
from kg.model.keygrid import KeyGrid
from kg.model.losses import similarity_loss
from kg.model.reliance import heatmap_use


@pytest.fixture
def model(tiny_backbone):
    torch.manual_seed(0)
    made = KeyGrid(ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), sigma=0.3))
    made.train()(torch.rand(6, 40, 3))
    return made.eval()


@torch.no_grad()
def test_the_distances_are_those_of_one_cloud_at_a_time(model):
    points = torch.rand(5, 40, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    use = heatmap_use(model, points, batch_size=2)
    assert use.own == pytest.approx(similarity_loss(model(points).reconstruction, points).item(), rel=1e-5)
    found = model(points)
    zeroed, swapped = [], []
    for number, cloud in enumerate(points):
        cloud = ops.gather(cloud[None], ops.canonical_order(cloud[None]))
        features, other = model.backbone(cloud), (number + 1) % 5
        none = model.decoder(features, found.keypoints[number, None], torch.zeros(1, 10))
        theirs = model.decoder(features, found.keypoints[other, None], found.edges[other, None])
        zeroed.append(similarity_loss(none, cloud).item())
        swapped.append(similarity_loss(theirs, cloud).item())
    assert use.zeroed == pytest.approx(sum(zeroed) / 5, rel=1e-5)
    assert use.swapped == pytest.approx(sum(swapped) / 5, rel=1e-5)
    assert len({use.own, use.zeroed, use.swapped}) == 3
    assert use.shapes == 5


def test_a_decoder_that_ignores_the_heat_reconstructs_as_well_without(model):
    width = model.decoder.steps[1].linears[0].in_features
    with torch.no_grad():
        model.decoder.steps[1].linears[0].weight[:, width - 4] = 0  # the heat's value
    use = heatmap_use(model, torch.rand(3, 40, 3))
    assert use.own == use.zeroed == use.swapped


def test_a_single_cloud_has_nobody_to_swap_with(model):
    use = heatmap_use(model, torch.rand(1, 40, 3))
    assert math.isnan(use.swapped)
    assert use.to_dict()["swapped"] is None


def test_a_decoder_without_a_heatmap_cannot_be_asked(tiny_backbone):
    config = ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), decoder_heatmap=False)
    assert heatmap_use(KeyGrid(config).eval(), torch.rand(2, 40, 3)) is None
