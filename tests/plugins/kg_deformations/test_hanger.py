"""A garment is laid over a bar."""

import numpy as np
import pytest

from kg_deformations.hanger import Hanger


def test_a_garment_hangs_over_the_bar_on_both_sides(towel, run):
    garment, frames = run(Hanger(least=0.5, most=0.5, narrowest=1.4, yaw=0.0), towel)
    (bar,) = garment.simulation.bars
    width = np.linalg.norm(bar.end - bar.start) / 1.4
    extents = np.ptp(garment.simulation.cloth.rest, axis=0)
    assert np.abs(extents - width).min() < 0.02
    last = frames[-1]
    axis = (bar.end - bar.start) / np.linalg.norm(bar.end - bar.start)
    across = np.cross(axis, [0, 0, 1.0])
    beside = (last - bar.start) @ across
    assert beside.min() < -bar.radius / 2
    assert beside.max() > bar.radius / 2
    assert last[:, 2].min() > 0.02
    assert last[:, 2].max() == pytest.approx(bar.start[2] + bar.radius, abs=0.02)
    assert garment.simulation.slip == 0
