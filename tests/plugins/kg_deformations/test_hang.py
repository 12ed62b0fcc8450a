"""A garment hangs."""

import numpy as np
import pytest

from kg_deformations.hang import Hang


@pytest.mark.parametrize("two", [0.0, 1.0], ids=["one hand", "two hands"])
def test_a_garment_hangs_clear_of_the_ground_from_hands_that_hold(towel, run, two):
    garment, frames = run(Hang(seconds=2.0, two=two, carry=0.0, clear=0.05), towel)
    simulation = garment.simulation
    assert len(simulation.grips) == 1 + two
    assert frames[0][:, 2].max() < 0.02
    assert frames[-1][:, 2].min() > 0.02
    assert simulation.slip < 0.001
    # Its middle has come below the hands.
    held = np.concatenate([grip.vertices for grip in simulation.grips])
    below = frames[-1][held].mean(axis=0) - frames[-1].mean(axis=0)
    assert below[2] > 0.02
    assert np.linalg.norm(below[:2]) < 0.03
