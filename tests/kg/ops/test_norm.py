"""Batch norm, ReLU and maximum over rows, in every backend."""

import pytest
import torch
from torch.nn.functional import batch_norm

from kg import ops
from kg.ops.norm import moments


@pytest.fixture(params=["torch", "numba"], autouse=True)
def backend(request, monkeypatch):
    monkeypatch.setenv("KG_KERNELS", request.param)


def tensors(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(*shape, dtype=torch.float64, generator=generator)
    weight = torch.randn(shape[-1], dtype=torch.float64, generator=generator)  # of either sign
    bias = torch.randn(shape[-1], dtype=torch.float64, generator=generator)
    return rows.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()


def normalise(kind, values, weight, bias):
    mean, variance = moments(values.detach().reshape(-1, values.shape[-1]))
    return kind(values, weight, bias, mean, variance, eps=1e-5, batch=True)


@pytest.mark.parametrize("rows", [2, 255, 256, 257, 1000])
def test_it_is_pytorchs_batch_norm_forward_and_backward(rows):
    values, weight, bias = tensors(rows, 5)
    found = normalise(ops.batch_norm_relu, values, weight, bias)
    expected = batch_norm(values, None, None, weight, bias, training=True, eps=1e-5).relu()
    torch.testing.assert_close(found, expected)
    pull = torch.randn(rows, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(found, (values, weight, bias), pull)
    theirs = torch.autograd.grad(expected, (values, weight, bias), pull)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("groups", [(1, 7, 3), (40, 16, 5)])
def test_the_maximum_is_that_of_the_normalised_groups(groups):
    values, weight, bias = tensors(*groups, seed=2)
    found = normalise(ops.batch_norm_relu_max, values, weight, bias)
    flat = batch_norm(values.flatten(0, 1), None, None, weight, bias, training=True, eps=1e-5)
    expected = flat.relu().view(groups).amax(1)
    torch.testing.assert_close(found, expected)
    pull = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad(found, (values, weight, bias), pull)
    theirs = torch.autograd.grad(expected, (values, weight, bias), pull)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [ops.batch_norm_relu, ops.batch_norm_relu_max])
def test_with_running_moments_they_are_constants(kind):
    shape = (6, 4) if kind is ops.batch_norm_relu else (6, 3, 4)
    values, weight, bias = tensors(*shape, seed=3)
    mean, variance = torch.rand(4, dtype=torch.float64), torch.rand(4, dtype=torch.float64) + 0.5

    def apply(v, w, b):
        return kind(v, w, b, mean, variance, eps=1e-5, batch=False)

    assert torch.autograd.gradcheck(apply, (values, weight, bias))


def test_float32_moments_stay_accurate_over_many_rows():
    # PyTorch's batch norm on such rows is 2e-3 off in the variance.
    rows = torch.rand(262_144, 4, generator=torch.Generator().manual_seed(4)) + 3
    mean, variance = moments(rows)
    exact_variance, exact_mean = torch.var_mean(rows.double(), dim=0, correction=0)
    torch.testing.assert_close(mean.double(), exact_mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(variance.double(), exact_variance, rtol=1e-5, atol=0)


def test_of_equal_members_the_first_gets_the_gradient():
    values = torch.ones(1, 3, 1, dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, dtype=torch.float64)
    ops.batch_norm_relu_max(values, one, one, one * 0, one, eps=0, batch=False).sum().backward()
    assert values.grad.flatten().tolist() == [1, 0, 0]
