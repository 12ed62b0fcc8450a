"""The backbone for cloth in layers."""

import pytest
import torch

from kg import plugins
from kg.errors import KgError
from kg.model.backbone import check_features
from kg_backbones.layered import GraphConv, Layered, Pool


def cloud(batch=1, count=520):
    return torch.rand(batch, count, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_it_is_found_by_its_entry_point():
    assert plugins.BACKBONES.load("layered") is Layered


@pytest.mark.parametrize("vertical", ["z", "none"])
def test_it_gives_what_it_declares(vertical):
    torch.manual_seed(0)
    backbone, points = Layered(vertical).eval(), cloud(2)
    with torch.no_grad():
        features = backbone(points)
    check_features(backbone, points, features)
    assert [tuple(level.shape) for level in features.level_features] == [(2, 512, 96), (2, 128, 192)]


def test_every_parameter_learns():
    torch.manual_seed(0)
    backbone = Layered().train()
    features = backbone(cloud())
    features.point_features.square().sum().backward()
    assert not [name for name, p in backbone.named_parameters() if p.grad is None]


def test_pooling_is_the_maximum_over_features_and_offsets():
    torch.manual_seed(0)
    pool = Pool(4, 6, radius=0.5)
    features, points, centres = torch.rand(1, 9, 4), torch.rand(1, 9, 3), torch.rand(1, 2, 3)
    members = torch.tensor([[[0, 3, 5], [8, 1, 1]]])
    found = pool(features, points, centres, members)
    for m in range(2):
        offsets = (points[0, members[0, m]] - centres[0, m]) * 4
        values = pool.features(features[0, members[0, m]]) + pool.offsets(offsets)
        torch.testing.assert_close(found[0, m], values.amax(0))


def test_a_graph_convolution_does_not_see_where_the_origin_is():
    torch.manual_seed(0)
    conv = GraphConv(5, radius=0.5).double()
    values, points = torch.rand(1, 9, 5).double(), torch.rand(1, 9, 3).double()
    members = torch.randint(9, (1, 9, 3))
    torch.testing.assert_close(conv(values, points, members), conv(values, points + 3, members))


def test_columns_tell_layers_apart_that_look_alike_from_nearby():
    # A point of a column sees the other layer, however near the points of its own are.
    backbone = Layered()
    flat = cloud(count=600)
    flat[..., 2] = torch.where(torch.arange(600) % 2 == 0, 0.0, 0.3)
    members = backbone._columns(flat)[0]
    height = flat[0, :, 2]
    both = [set(height[row].tolist()) for row in members]
    assert sum(len(seen) == 2 for seen in both) > 500


def test_without_columns_the_vertical_means_nothing_to_the_neighbourhoods():
    torch.manual_seed(0)
    backbone = Layered("none")
    assert backbone.begin.in_features == 4
    assert not any(name.startswith("column") for name, _ in backbone.named_parameters())


def test_another_vertical_is_refused():
    with pytest.raises(KgError, match="'z' or 'none', not 'up'"):
        Layered("up")
