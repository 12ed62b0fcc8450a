"""The contract of a backbone, and a stranger's that meets it."""

import sys
from types import SimpleNamespace

import pytest
import torch

from kg import ops, plugins
from kg.config import ModelConfig
from kg.errors import KgError
from kg.model import Features, Pyramid
from kg_detectors.key_grid import KeyGrid


@pytest.fixture
def edgeconv(fixtures, monkeypatch):
    """The backbone of the example of a plugin, registered for one test."""
    monkeypatch.syspath_prepend(fixtures / "third_party_plugin")
    monkeypatch.delitem(sys.modules, "kg_edgeconv", raising=False)
    from kg_edgeconv import EdgeConvNet

    monkeypatch.setattr(plugins, "BACKBONES", SimpleNamespace(load=lambda name: EdgeConvNet))
    return EdgeConvNet


def model(**options):
    torch.manual_seed(0)
    return KeyGrid(ModelConfig(keypoints=3, backbone="edgeconv", backbone_options=options, grid=(4, 4, 4)))


def test_the_examples_edge_convolution_is_its_formula(edgeconv):
    torch.manual_seed(0)
    layer = edgeconv().every.eval()
    points = torch.rand(2, 40, 3)
    distances = torch.cdist(points, points)
    members = distances.topk(5, largest=False).indices
    linear, norm = layer.mlp.linears[0], layer.mlp.norms[0]
    scale = norm.weight / (norm.running_var + 1e-5).sqrt()
    with torch.no_grad():
        found = layer(points, points, members)
        for cloud, centre in ((0, 3), (1, 39)):
            own = points[cloud, centre]
            edges = [torch.cat([own, points[cloud, other] - own]) for other in members[cloud, centre]]
            values = (linear(torch.stack(edges)) - norm.running_mean) * scale + norm.bias
            torch.testing.assert_close(found[cloud, centre], values.relu().amax(0))


def test_the_example_learns_through_every_parameter(edgeconv):
    network = model(neighbours="6").train()
    assert network.backbone.neighbours == 6
    points = torch.rand(2, 300, 3) * 2 - 1
    found = network(points)
    (found.keypoints.square().sum() + found.reconstruction.square().sum() + found.edges.sum()).backward()
    for name, parameter in network.backbone.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert network.backbone.every.mlp.linears[0].weight.grad.abs().sum() > 0


def test_the_examples_keypoints_do_not_depend_on_the_order_of_the_points(edgeconv):
    network = model().eval()
    points = torch.rand(1, 300, 3) * 2 - 1
    shuffled = ops.gather(points, torch.randperm(300)[None])
    with torch.no_grad():
        torch.testing.assert_close(network(points).keypoints, network(shuffled).keypoints)


def test_options_that_a_backbone_does_not_have(edgeconv):
    with pytest.raises(KgError, match="no option of the backbone edgeconv 'neighbour'") as caught:
        model(neighbour="6")
    assert "Did you mean 'neighbours'" in caught.value.hint
    with pytest.raises(KgError, match="neighbours cannot be 'many'"):
        model(neighbours="many")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"point_channels": 100}, r"point_features is \(2, 300, 128\), not \(2, 300, 100\)"),
        ({"global_channels": 1}, r"global_feature is \(2, 256\), not \(2, 1\)"),
        ({"level_channels": (128, 250)}, r"level_features\[1\] is \(2, 64, 256\), not \(2, 64, 250\)"),
        ({"level_channels": (128, 256, 3)}, "3 level_channels, 2 level_features, 3 clouds"),
    ],
)
def test_what_a_backbone_gives_is_what_it_declares(edgeconv, monkeypatch, change, said):
    for name, value in change.items():
        monkeypatch.setattr(edgeconv, name, value)
    with pytest.raises(KgError, match=said):
        model()(torch.rand(2, 300, 3))


def test_one_level_is_not_enough(edgeconv, monkeypatch):
    class Flat(edgeconv):
        level_channels = (128,)

        def forward(self, points):
            features = super().forward(points)
            pyramid = Pyramid(features.pyramid.clouds[:2])
            return Features(
                pyramid, features.level_features[:1], features.point_features, features.global_feature
            )

    monkeypatch.setattr(plugins, "BACKBONES", SimpleNamespace(load=lambda name: Flat))
    with pytest.raises(KgError, match="two levels"):
        model()
