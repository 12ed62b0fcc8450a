"""Values carried from a coarse cloud to a fine one."""

import numpy as np
import pytest
import torch

from kg import ops

pytestmark = pytest.mark.usefixtures("backend")


def test_weights_are_inverse_squares_over_the_three_nearest():
    rng = np.random.default_rng(0)
    fine, coarse, values = rng.random((1, 20, 3)), rng.random((1, 9, 3)), rng.random((1, 9, 4))
    found = ops.three_interpolate(
        torch.from_numpy(values), ops.interpolation_weights(torch.from_numpy(fine), torch.from_numpy(coarse))
    )
    for s in range(20):
        squared = ((fine[0, s] - coarse[0]) ** 2).sum(1)
        nearest = np.argsort(squared)[:3]
        weights = 1 / (squared[nearest] + 1e-8)
        expected = (weights[:, None] * values[0, nearest]).sum(0) / weights.sum()
        np.testing.assert_allclose(found[0, s], expected, rtol=1e-12)


def test_a_point_of_the_coarse_cloud_keeps_its_value():
    coarse = torch.rand(2, 8, 3, generator=torch.Generator().manual_seed(1))
    values = torch.arange(16.0).view(2, 8, 1)
    found = ops.three_interpolate(values, ops.interpolation_weights(coarse, coarse))
    torch.testing.assert_close(found, values, atol=1e-3, rtol=0)


def test_a_coarse_cloud_of_one_point_gives_its_value_everywhere():
    fine, coarse = torch.rand(1, 5, 3), torch.rand(1, 1, 3)
    found = ops.three_interpolate(torch.tensor([[[3.0]]]), ops.interpolation_weights(fine, coarse))
    torch.testing.assert_close(found, torch.full((1, 5, 1), 3.0))


def test_the_gradient_reaches_the_features():
    fine, coarse = torch.rand(2, 6, 3, dtype=torch.float64), torch.rand(2, 4, 3, dtype=torch.float64)
    weights = ops.interpolation_weights(fine, coarse)
    values = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: ops.three_interpolate(v, weights), values)


def test_points_far_apart_and_no_points_at_all():
    fine = torch.rand(1, 4, 3)
    values = torch.rand(1, 2, 5)
    weights = ops.interpolation_weights(fine, torch.rand(1, 2, 3) + 1e6)
    torch.testing.assert_close(weights.weights.sum(2), torch.ones(1, 4))
    assert ops.three_interpolate(values, weights).isfinite().all()
    assert ops.three_interpolate(values, ops.interpolation_weights(fine[:, :0], fine[:, :2])).shape == (
        1,
        0,
        5,
    )
