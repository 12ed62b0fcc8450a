"""Whether the decoder uses the heatmap: by one cloud at a time, and by the loss itself."""

import math

import pytest
import torch
from torch import nn

from kg.config import ModelConfig
from kg_detectors.key_grid import KeyGrid
from kg_detectors.key_grid.losses import similarity_loss
from kg_detectors.key_grid.reliance import heatmap_use

HEAT = -4
"""The column of the decoder's weights that the heat's value meets; the node's place has the other three."""


@pytest.fixture
def model(tiny_backbone):
    torch.manual_seed(0)
    made = KeyGrid(ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), sigma=0.3))
    made.train()(torch.rand(6, 40, 3))
    return made.eval()


class Shifted(nn.Module):
    """In place of a decoder: the cloud itself, moved by what the keypoints and edges say."""

    def forward(self, features, keypoints, edges):
        return features.pyramid.clouds[0] + edges.mean(1)[:, None, None] * (1 + keypoints.mean(1))[:, None]


@torch.no_grad()
def test_the_distances_are_those_of_one_cloud_at_a_time(model):
    model.decoder = Shifted()
    points = torch.rand(5, 40, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    use = heatmap_use(model, points, batch_size=2)
    found = model(points)
    # The order of a cloud's points does not matter to the distance.
    swapped = []
    for number, cloud in enumerate(points):
        other = (number + 1) % 5
        shift = found.edges[other].mean() * (1 + found.keypoints[other].mean(0))
        swapped.append(similarity_loss(cloud[None] + shift, cloud[None]).item())
    assert use.own == pytest.approx(similarity_loss(found.reconstruction, points).item(), rel=1e-5)
    assert use.zeroed == 0
    assert use.swapped == pytest.approx(sum(swapped) / 5, rel=1e-5)
    assert abs(use.swapped / use.own - 1) > 1e-4
    assert use.shapes == 5


def test_a_decoder_that_ignores_the_heat_reconstructs_as_well_without(model):
    with torch.no_grad():
        model.decoder.steps[1].linears[0].weight[:, HEAT] = 0
    use = heatmap_use(model, torch.rand(3, 40, 3))
    assert use.own == use.zeroed == use.swapped


def test_a_single_cloud_has_nobody_to_swap_with(model):
    use = heatmap_use(model, torch.rand(1, 40, 3))
    assert math.isnan(use.swapped)
    assert use.to_dict()["swapped"] is None


def test_a_decoder_without_a_heatmap_cannot_be_asked(tiny_backbone):
    config = ModelConfig(keypoints=5, backbone="tiny", grid=(4, 4, 4), decoder_heatmap=False)
    assert heatmap_use(KeyGrid(config).eval(), torch.rand(2, 40, 3)) is None
