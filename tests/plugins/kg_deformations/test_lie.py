"""A garment lies there."""

import numpy as np

from kg_deformations.lie import Lie


def test_a_garment_lies_still_and_flat(towel, run):
    garment, frames = run(Lie(), towel)
    assert np.abs(frames[-1] - frames[0]).max() < 0.002
    assert np.ptp(frames[-1][:, 2]) < 0.005
    assert np.ptp(frames[-1], axis=0).max() > 0.95 * np.ptp(garment.simulation.cloth.rest, axis=0).max()
