"""Batch norm and ReLU over rows, in every backend."""

import pytest
import torch
from torch.nn.functional import batch_norm

from kg import ops

pytestmark = pytest.mark.usefixtures("backend")


def tensors(rows, channels, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    return draw(rows, channels), draw(channels), draw(channels)  # weights of either sign


@pytest.mark.parametrize("rows", [2, 255, 256, 257, 1000])
def test_it_is_pytorchs_batch_norm_forward_and_backward(rows):
    values, weight, bias = tensors(rows, 5)
    found, moments = ops.batch_norm_relu(values, weight, bias)
    expected = batch_norm(values, None, None, weight, bias, training=True, eps=1e-5).relu()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(moments.mean, values.mean(0))
    torch.testing.assert_close(moments.variance, values.var(0, correction=0))
    pull = torch.randn(rows, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(found, (values, weight, bias), pull)
    theirs = torch.autograd.grad(expected, (values, weight, bias), pull)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("own", [True, False])
def test_its_gradients_are_right(own):
    running = None if own else ops.Moments(*torch.rand(2, 4, dtype=torch.float64) + 0.5)

    def apply(*arguments):
        return ops.batch_norm_relu(*arguments, running)[0]

    assert torch.autograd.gradcheck(apply, tensors(6, 4, seed=3))


def test_float32_moments_stay_accurate_over_many_rows():
    # PyTorch's batch norm on such rows is 2e-3 off in the variance.
    rows = torch.rand(262_144, 4, generator=torch.Generator().manual_seed(4)) + 3
    _, (mean, variance) = ops.batch_norm_relu(rows, torch.ones(4), torch.zeros(4))
    exact_variance, exact_mean = torch.var_mean(rows.double(), dim=0, correction=0)
    torch.testing.assert_close(mean.double(), exact_mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(variance.double(), exact_variance, rtol=1e-5, atol=0)


def test_rows_in_another_layout_are_those_rows():
    values, weight, bias = (value.detach() for value in tensors(40, 6))
    spread = torch.empty(40, 12, dtype=torch.float64)[:, ::2].copy_(values)
    assert torch.equal(
        ops.batch_norm_relu(spread, weight, bias)[0], ops.batch_norm_relu(values, weight, bias)[0]
    )


def test_a_nan_spreads_over_its_column_alone():
    values, weight, bias = (value.detach() for value in tensors(40, 3))
    values[7, 1] = torch.nan
    found, _ = ops.batch_norm_relu(values, weight, bias)
    assert found.isnan().all(0).tolist() == [False, True, False]
    running = ops.Moments(torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))
    found, _ = ops.batch_norm_relu(values, weight, bias, running)
    assert found.isnan().nonzero().tolist() == [[7, 1]]


def test_no_rows_are_normalised_by_running_moments_alone():
    empty, ones = torch.zeros(0, 3), torch.ones(3)
    assert ops.batch_norm_relu(empty, ones, ones, ops.Moments(ones, ones))[0].shape == (0, 3)
    with pytest.raises(ValueError, match="no rows"):
        ops.batch_norm_relu(empty, ones, ones)
    with pytest.raises(ValueError, match=r"\(R, C\)"):
        ops.batch_norm_relu(torch.zeros(4, 2), ones, ones)
