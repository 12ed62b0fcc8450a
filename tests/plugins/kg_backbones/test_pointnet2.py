"""PointNet++ as Key-Grid has it."""

from itertools import pairwise

import pytest
import torch

from kg import ops, plugins
from kg.errors import KgError
from kg.model import GroupMLP
from kg_backbones.pointnet2 import PointNet2


def test_it_is_found_by_its_entry_point():
    assert plugins.BACKBONES.load("pointnet2") is PointNet2


def test_its_levels_and_channels_are_those_of_the_paper():
    torch.manual_seed(0)
    with torch.no_grad():
        features = PointNet2()(torch.rand(2, 1030, 3) * 2 - 1)
    shapes = [tuple(values.shape) for values in features.level_features]
    assert shapes == [(2, 1024, 96), (2, 256, 256), (2, 64, 512), (2, 16, 1024)]
    assert features.point_features.shape == (2, 1030, 128)
    assert torch.equal(features.global_feature, features.level_features[-1].amax(1))


def test_its_parameters_are_those_of_the_released_encoder():
    # Counted from the tables of the paper: weights, biases, and two per normalised channel.
    def mlp(channels):
        return sum(a * b + 3 * b for a, b in pairwise(channels))

    groups = [[12, 16, 16, 32], [12, 32, 32, 64], [99, 64, 64, 128], [99, 64, 96, 128]]
    groups += [[259, 128, 196, 256]] * 2 + [[515, 256, 256, 512], [515, 256, 384, 512]]
    back = [[1536, 256, 256], [512, 256, 256], [352, 256, 128], [128, 128, 128, 128]]
    assert sum(p.numel() for p in PointNet2().parameters()) == sum(map(mlp, groups + back))


def test_taking_the_first_layer_apart_changes_nothing():
    torch.manual_seed(1)
    mlp = GroupMLP(5, (7, 6)).double()
    points, features = torch.rand(2, 30, 3).double(), torch.rand(2, 30, 5).double()
    centres = points[:, :10]
    members = ops.ball_query(points, centres, 0.4, 8)
    found = mlp(points, features, centres, members)
    offsets = ops.gather(points, members) - centres[:, :, None]
    values = mlp.first(torch.cat([ops.gather(features, members), offsets], dim=3))
    mean, variance = values.flatten(0, 2).mean(0), values.flatten(0, 2).var(0, correction=0)
    values = mlp.linears[0](((values - mean) / (variance + 1e-5).sqrt()).relu())
    mean, variance = values.flatten(0, 2).mean(0), values.flatten(0, 2).var(0, correction=0)
    expected = ((values - mean) / (variance + 1e-5).sqrt()).relu().amax(2)
    torch.testing.assert_close(found, expected)


def test_other_neighbours_are_refused():
    with pytest.raises(KgError, match="nearby"):
        PointNet2(neighbours="nearby")
