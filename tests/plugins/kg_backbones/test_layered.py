"""The backbone for cloth in layers."""

import re

import pytest
import torch

from kg import ops, plugins
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


def pile(count=900, layers=6, gap=0.01):
    """A flat pile: a point's layer is its number, modulo the number of layers."""
    points = cloud(count=count)
    points[..., 2] = gap * (torch.arange(count) % layers)
    return points


def test_stretched_neighbourhoods_keep_to_one_layer_of_a_flat_pile():
    points = pile()

    def of_one_layer(backbone):
        spread = backbone._spread(points)
        members = ops.ball_query(spread, spread, 0.3, 8)[0]
        return (members % 6 == torch.arange(900)[:, None] % 6).float().mean().item()

    assert of_one_layer(Layered()) < 0.4
    assert of_one_layer(Layered(apart="20")) > 0.6


def test_a_cloud_that_is_high_already_is_not_stretched():
    torch.manual_seed(0)
    stretched, as_it_is = Layered(apart=6).eval(), Layered().eval()
    stretched.load_state_dict(as_it_is.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            stretched(cloud()).point_features, as_it_is(cloud()).point_features, rtol=0, atol=0
        )
        found = (stretched(pile()).point_features - as_it_is(pile()).point_features).abs().max()
    assert found > 0.01


def test_a_trained_network_grows_without_a_change():
    torch.manual_seed(0)
    small, grown = Layered().eval(), Layered(waves="8", depth="2").eval()
    missing = grown.load_state_dict(small.state_dict(), strict=False).missing_keys
    assert {name.split(".")[0] for name in missing} == {"heights", "deeper"}
    with torch.no_grad():
        torch.testing.assert_close(grown(cloud()).point_features, small(cloud()).point_features)


def test_what_has_grown_learns():
    torch.manual_seed(0)
    grown = Layered(waves=8, depth=1).train()
    grown(cloud()).point_features.square().sum().backward()
    assert grown.heights.weight.grad.abs().max() > 0
    assert grown.deeper[0].down.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"apart": "0.5"}, "'backbone.apart' cannot be '0.5'.*a number, from 1 to 100"),
        ({"waves": "many"}, "'backbone.waves' cannot be 'many'.*a whole number, from 0 to 16"),
        ({"depth": "-1"}, "'backbone.depth' cannot be '-1'.*a whole number, from 0 to 64"),
        ({"vertical": "none", "waves": 8}, "no direction is up"),
        ({"vertical": "none", "apart": 2}, "no direction is up"),
    ],
)
def test_other_numbers_are_refused(options, message):
    with pytest.raises(KgError) as raised:
        Layered(**options)
    assert re.search(message, f"{raised.value.message} {raised.value.hint}")
