"""The largest values of neighbourhoods."""

import numpy as np
import pytest
import torch

from kg import ops

pytestmark = pytest.mark.usefixtures("backend")


def test_the_largest_of_each_channel_among_the_members():
    rng = np.random.default_rng(0)
    values, members = rng.standard_normal((2, 9, 70)), rng.integers(0, 9, (2, 21, 4))
    found = ops.neighbour_max(torch.from_numpy(values), torch.from_numpy(members))
    for b in range(2):
        for m in range(21):
            np.testing.assert_array_equal(found[b, m], values[b, members[b, m]].max(0))


def test_the_gradient_goes_to_the_winner_and_of_equals_to_the_first():
    values = torch.tensor([[[1.0], [3.0], [3.0], [0.0]]], requires_grad=True)
    ops.neighbour_max(values, torch.tensor([[[0, 2, 1], [3, 3, 3]]])).sum().backward()
    assert values.grad is not None
    assert values.grad[0, :, 0].tolist() == [0, 0, 1, 1]


def test_the_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(2)
    values = torch.rand(2, 6, 3, dtype=torch.float64, generator=generator).requires_grad_()
    members = torch.randint(6, (2, 5, 3), generator=generator)
    assert torch.autograd.gradcheck(lambda v: ops.neighbour_max(v, members), values)


def test_no_neighbourhoods_at_all():
    assert ops.neighbour_max(torch.rand(1, 4, 5), torch.zeros(1, 0, 2, dtype=torch.int64)).shape == (1, 0, 5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_floats_are_compared_and_not_rounded(dtype):
    values = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    members = torch.randint(9, (2, 5, 3), generator=torch.Generator().manual_seed(1))
    found = ops.neighbour_max(values, members)
    expected = torch.stack([cloud[rows].amax(1) for cloud, rows in zip(values, members, strict=True)])
    assert found.dtype == dtype
    assert torch.equal(found, expected)
    found.sum().backward()
    assert values.grad.dtype == dtype
    assert values.grad.sum() == found.numel()
