"""Turns about the vertical."""

import math

import torch

from kg.model.turns import STEPS, about_vertical, all_around, cross_matrices


def test_x_comes_to_the_angle_and_z_stays():
    turned = about_vertical(torch.tensor([[30.0, 90.0]]))
    assert turned.shape == (1, 2, 3, 3)
    half = math.sqrt(3) / 2
    torch.testing.assert_close(turned[0, :, :, 0], torch.tensor([[half, 0.5, 0], [0, 1, 0]]))
    torch.testing.assert_close(turned[0, :, :, 2], torch.tensor([[0.0, 0, 1], [0, 0, 1]]))
    torch.testing.assert_close(about_vertical(-45.0)[:2, 0], torch.tensor([0.5, -0.5]).mul(math.sqrt(2)))


def test_the_other_sides_are_rotations_that_turn_z_over():
    ways = all_around(sides=True)
    torch.testing.assert_close(torch.linalg.det(ways), torch.ones(2 * STEPS))
    assert ways[:, 2, 2].tolist() == [1.0] * STEPS + [-1.0] * STEPS
    # No two are alike.
    traces = torch.einsum("aij,bij->ab", ways, ways)
    assert (traces > 2.99).sum() == 2 * STEPS


def test_cross_matrices_are_those_of_the_cross_product():
    first, second = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0)).double()
    crossed = (cross_matrices(first) @ second[..., None])[..., 0]
    torch.testing.assert_close(crossed, torch.linalg.cross(first, second))
