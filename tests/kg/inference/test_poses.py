"""How clouds lie, and the turns that are tried."""

import numpy as np
import pytest
import torch

from kg.inference.poses import TURNS, rotations


@pytest.mark.parametrize("up", list(TURNS))
@pytest.mark.parametrize(("search", "count"), [("none", 1), ("yaw", 12), ("sides", 24)])
def test_all_are_rotations_and_the_first_brings_up_to_z(up, search, count):
    found = rotations(up, search)
    assert found.shape == (count, 3, 3)
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand(count, 3, 3))
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(count))
    axis = torch.eye(3)["xyz".index(up[-1])][None]
    axis = -axis if up[0] == "-" else axis
    torch.testing.assert_close(axis @ found[0].T, torch.tensor([[0.0, 0, 1]]))
    # What is up stays up, or comes to lie below.
    heights = (found @ axis.T)[:, 2, 0]
    torch.testing.assert_close(heights.abs(), torch.ones(count))
    assert (heights > 0).sum() == min(count, 12)


def test_tilts_are_by_forty_degrees_after_how_clouds_lie():
    found = rotations("y", "tilts")
    assert torch.equal(found[0], rotations("y", "none")[0])
    heights = (found @ torch.tensor([0.0, 1, 0]))[1:]
    torch.testing.assert_close(heights[:, 2], torch.full((4,), np.cos(np.radians(40)), dtype=torch.float32))
    # Backwards, forwards and to either side.
    to = np.sin(np.radians(40)) * torch.tensor([[0, -1], [0, 1], [1, 0], [-1, 0]])
    torch.testing.assert_close(heights[:, :2], to.float())


def test_every_turn_about_the_vertical_is_near_one_that_is_tried():
    tried = rotations("z", "yaw")
    for angle in np.linspace(0, 2 * np.pi, 50):
        turn = torch.tensor(
            [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]],
            dtype=torch.float32,
        )
        left = (tried @ turn).diagonal(dim1=1, dim2=2).sum(1)
        assert torch.rad2deg(((left - 1) / 2).clamp(-1, 1).acos()).min() < 15.1
