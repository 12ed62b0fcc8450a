"""A garment falls."""

import numpy as np
import pytest

from kg_deformations.drop import Drop


def test_a_drop_begins_at_a_height_and_ends_on_the_ground(towel, run):
    garment, frames = run(Drop(seconds=1.0, lowest=0.3, highest=0.3), towel)
    assert frames[0][:, 2].min() == pytest.approx(0.3)
    assert frames[-1][:, 2].min() == pytest.approx(garment.simulation.thickness / 2)


def test_a_drop_may_begin_where_a_hand_lets_go(towel, run):
    garment, frames = run(Drop(seconds=1.0, begins="hand", lowest=0.1, highest=0.1), towel)
    height = np.ptp(frames[0][:, 2])
    width, length = np.sort(np.ptp(garment.simulation.cloth.rest, axis=0))[1:]
    # What hangs from a point is higher than half of it is long, and what has fallen is flat.
    assert length / 2 < height < 1.05 * np.hypot(width, length)
    assert frames[0][:, 2].min() > 0.05
    assert frames[-1][:, 2].min() == pytest.approx(garment.simulation.thickness / 2)
    assert np.ptp(frames[-1][:, 2]) < height / 2


def test_a_drop_may_begin_as_a_heap(towel, run):
    garment, frames = run(Drop(seconds=1.0, begins="heap", lowest=0.3, highest=0.3), towel)
    flat = np.linalg.norm(np.ptp(garment.simulation.cloth.rest, axis=0))
    assert np.linalg.norm(np.ptp(frames[0], axis=0)) < 0.9 * flat
    assert frames[0][:, 2].min() == pytest.approx(0.3)
