"""A garment is thrown into a heap."""

import numpy as np
import pytest

from kg_deformations.crumple import Crumple


def test_a_crumple_leaves_less_than_the_flat_area(towel, run):
    garment, frames = run(Crumple(seconds=2.0, lowest=0.3, highest=0.3), towel)
    first, last = (np.prod(np.ptp(frame[:, :2], axis=0)) for frame in (frames[0], frames[-1]))
    assert last < 0.8 * first
    assert max(frame[:, 2].max() for frame in frames) > 0.25
    assert frames[-1][:, 2].min() == pytest.approx(garment.simulation.thickness / 2)
    assert garment.simulation.slip == 0


def test_a_garment_may_be_thrown_several_times(towel, make):
    throws = list(Crumple(least=3, most=3).grips(make(towel), np.random.default_rng(0)))
    assert [until for until, _ in throws] == pytest.approx([1, 2, 3])
    assert all(grip.end < until for until, (grip,) in throws)
