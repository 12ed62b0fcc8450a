"""A garment is laid over a bar."""

import numpy as np
import pytest

from kg_deformations.hanger import Hanger


def test_a_garment_hangs_over_the_bar_on_both_sides(towel, run):
    garment, frames = run(Hanger(least=0.5, most=0.5, narrowest=1.4, yaw=0.0, bar_friction=0.8), towel)
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


def test_hands_that_take_a_round_cloth_come_down_less_far(make_sheet, make):
    """Some of what is to hang behind the bar lies beyond them."""
    vertices, faces = make_sheet(14, 16)
    vertices = vertices[:, [0, 2, 1]]
    vertices -= (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    within = (np.linalg.norm(vertices, axis=1) < 0.13)[faces].all(axis=1)
    kept, faces = np.unique(faces[within], return_inverse=True)
    garment = make((vertices[kept], faces.reshape(-1, 3)))
    how = Hanger(least=0.5, most=0.5)
    _, grips = next(how.grips(garment, np.random.default_rng(0)))
    (bar,) = garment.simulation.bars
    for grip in grips:
        (hand,) = grip.hands
        last = grip.path(0.87 * how.seconds)[grip.vertices == hand][0]
        # Half of the mass is behind the middle of a disc.
        axis = int(np.abs(bar.start[:2] - garment.positions[:, :2].mean(axis=0)).argmax())
        from_middle = abs(garment.positions[hand, axis])
        assert from_middle < 0.11
        assert bar.start[2] - last[2] == pytest.approx(from_middle, abs=0.01)
