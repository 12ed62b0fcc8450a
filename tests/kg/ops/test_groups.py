"""The MLP on groups and its maximum, against the same written out with PyTorch's own layers."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import batch_norm, linear

from kg import ops
from kg.ops import groups

pytestmark = pytest.mark.usefixtures("backend")


def scene(widths, batch=2, points=30, centres=11, members=7, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, dtype=dtype, generator=generator).requires_grad_()

    rows, middles = draw(batch, points, widths[0]), draw(batch, centres, widths[0])
    chosen = torch.randint(points, (batch, centres, members), generator=generator)
    layers = [ops.Layer(draw(widths[0]), draw(widths[0]))]
    for before, width in pairwise(widths):
        layers.append(ops.Layer(draw(width), draw(width), draw(width, before), draw(width)))
    return rows, middles, chosen, layers


def plain(rows, middles, chosen, layers, running=None):
    values = torch.stack([cloud[index] for cloud, index in zip(rows, chosen, strict=True)])
    values = values - middles[:, :, None]
    for number, layer in enumerate(layers):
        if number:
            values = linear(values, layer.weight, layer.bias)
        flat = values.flatten(0, 2)
        mean, variance = (None, None) if running is None else running[number]
        flat = batch_norm(flat, mean, variance, layer.norm_weight, layer.norm_bias, running is None, eps=1e-5)
        values = flat.relu().view(values.shape)
    return values.amax(2)


@pytest.mark.parametrize("widths", [(5,), (4, 6), (3, 4, 5), (6, 3, 4, 7)])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("piece", [1, 60, 1 << 17])
def test_it_is_the_layers_written_out_forward_and_backward(monkeypatch, widths, own, piece):
    monkeypatch.setattr(groups, "CACHED", piece)
    rows, middles, chosen, layers = scene(widths)
    running = None
    if not own:
        running = [ops.Moments(*torch.rand(2, width, dtype=torch.float64) + 0.5) for width in widths]
    found, moments = ops.group_mlp_max(rows, middles, chosen, layers, running)
    expected = plain(rows, middles, chosen, layers, running)
    torch.testing.assert_close(found, expected)
    assert [len(each.mean) for each in moments] == list(widths)
    inputs = [rows, middles, *(value for layer in layers for value in layer if value is not None)]
    pull = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(found, inputs, pull)
    theirs = torch.autograd.grad(expected, inputs, pull)
    torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


def test_its_gradients_are_right():
    rows, middles, chosen, layers = scene((2, 3, 4), batch=1, points=6, centres=4, members=3, seed=5)

    def apply(rows, middles, *values):
        made = [ops.Layer(*values[:2]), ops.Layer(*values[2:6]), ops.Layer(*values[6:])]
        return ops.group_mlp_max(rows, middles, chosen, made)[0]

    values = [value for layer in layers for value in layer if value is not None]
    assert torch.autograd.gradcheck(apply, (rows, middles, *values))


def test_float32_stays_near_float64():
    rows, middles, chosen, layers = scene((16, 16, 32), points=500, centres=300, members=32, seed=2)
    inputs = [rows, middles, *(value for layer in layers for value in layer if value is not None)]
    exact = torch.autograd.grad(plain(rows, middles, chosen, layers).square().mean(), inputs)
    single = [value.detach().float().requires_grad_() for value in inputs]
    made = [ops.Layer(*single[2:4]), ops.Layer(*single[4:8]), ops.Layer(*single[8:])]
    found, _ = ops.group_mlp_max(*single[:2], chosen, made)
    grads = torch.autograd.grad(found.square().mean(), single)
    for number, (ours, theirs) in enumerate(zip(grads, exact, strict=True)):
        if theirs.abs().max() > 1e-12:  # a bias before a batch norm moves nothing
            worst = (ours - theirs).abs().max() / theirs.abs().max()
            assert worst < 1e-3, number  # measured 5e-5: near ties change their winner


def test_of_equal_members_the_first_gets_the_gradient():
    rows = torch.ones(1, 3, 1, dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, dtype=torch.float64)
    members = torch.tensor([[[0, 1, 2]]])
    running = [ops.Moments(one * 0, one)]
    found, _ = ops.group_mlp_max(
        rows, torch.zeros(1, 1, 1).double(), members, [ops.Layer(one, one)], running, eps=0
    )
    found.sum().backward()
    assert rows.grad.flatten().tolist() == [1, 0, 0]


def test_low_precision_is_near():
    rows, middles, chosen, layers = scene((8, 16, 16), dtype=torch.float32)
    found, _ = ops.group_mlp_max(rows, middles, chosen, layers, low=True)
    exact, _ = ops.group_mlp_max(rows, middles, chosen, layers)
    assert 0 < (found - exact).abs().max() < 0.1
    found.sum().backward()
    assert rows.grad.isfinite().all()


def test_without_a_gradient_nothing_is_kept():
    rows, middles, chosen, layers = scene((3, 4, 5))
    with torch.no_grad():
        found, _ = ops.group_mlp_max(rows, middles, chosen, layers)
    assert torch.equal(found, ops.group_mlp_max(rows, middles, chosen, layers)[0])


def test_shapes_that_do_not_belong_together_are_refused():
    rows, middles, chosen, layers = scene((3, 4))
    with pytest.raises(ValueError, match="must be"):
        ops.group_mlp_max(rows, middles[:, :3], chosen, layers)
    with pytest.raises(ValueError, match="no members"):
        ops.group_mlp_max(rows, middles, chosen[..., :0], layers)
