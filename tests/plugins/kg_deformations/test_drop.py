"""A garment falls."""

import pytest

from kg_deformations.drop import Drop


def test_a_drop_begins_at_a_height_and_ends_on_the_ground(towel, run):
    garment, frames = run(Drop(seconds=1.0, lowest=0.3, highest=0.3), towel)
    assert frames[0][:, 2].min() == pytest.approx(0.3)
    assert frames[-1][:, 2].min() == pytest.approx(garment.simulation.thickness / 2)
