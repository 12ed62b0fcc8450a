"""A garment is flung open."""

import numpy as np
import pytest

from kg_deformations.fling import Fling


@pytest.mark.parametrize("crumpled", [0.0, 1.0])
def test_a_garment_lies_open_at_last(towel, run, crumpled):
    garment, frames = run(Fling(crumpled=crumpled, yaw=0.0), towel)
    flat = np.ptp(garment.simulation.cloth.rest, axis=0)
    assert np.ptp(frames[-1], axis=0).max() > 0.75 * flat.max()
    assert frames[-1][:, 2].max() < 0.3 * flat.max()
    assert max(frame[:, 2].max() for frame in frames) > 0.1
    assert garment.simulation.slip == 0
