"""Clouds come into [-1, 1] and back."""

import pytest
import torch

from kg.model.normalisation import normalised


@pytest.mark.parametrize("how", ["range", "longest-side", "stretch"])
def test_there_and_back(how):
    cloud = torch.rand(3, 50, 3) * torch.tensor([4.0, 2.0, 0.5]) + torch.tensor([10.0, -3.0, 0.0])
    inside, scaling = normalised(cloud, how)
    assert inside.abs().max() <= 1 + 1e-5
    torch.testing.assert_close(scaling.back(inside), cloud)
    extent = inside.amax(1) - inside.amin(1)
    if how == "longest-side":
        torch.testing.assert_close(extent.amax(1), torch.full((3,), 2.0))
        torch.testing.assert_close(inside.amax(1), -inside.amin(1))
    if how == "stretch":
        torch.testing.assert_close(extent, torch.full((3, 3), 2.0))


def test_the_longest_side_does_not_depend_on_the_origin():
    cloud = torch.rand(2, 30, 3, dtype=torch.float64)
    moved = cloud + torch.tensor([0.5, -7.0, 3.0])
    torch.testing.assert_close(normalised(moved, "longest-side")[0], normalised(cloud, "longest-side")[0])
    assert (normalised(moved, "range")[0] - normalised(cloud, "range")[0]).abs().max() > 0.1


def test_a_flat_axis_is_not_stretched():
    cloud = torch.rand(1, 30, 3)
    cloud[..., 2] = 0.25
    inside, scaling = normalised(cloud, "stretch")
    assert torch.equal(inside[..., 2], torch.zeros(1, 30))
    torch.testing.assert_close(scaling.back(inside), cloud)
