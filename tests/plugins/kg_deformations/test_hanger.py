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


def test_a_round_cloth_is_led_as_far_over_the_bar_as_a_straight_one(make_sheet, make):
    """Hands take it beside its middle, so that some of it is beyond them."""
    vertices, faces = make_sheet(14, 16)
    vertices = vertices[:, [0, 2, 1]] - np.ptp(vertices, axis=0)[[0, 2, 1]] * [0.5, -0.5, 0]
    within = (np.linalg.norm(vertices, axis=1) < 0.13)[faces].all(axis=1)
    kept, faces = np.unique(faces[within], return_inverse=True)
    garment = make((vertices[kept], faces.reshape(-1, 3)))
    how = Hanger(least=0.5, most=0.5, narrowest=1.4, yaw=0.0, frames_by="time")
    states = list(how.states(garment, 26, np.random.default_rng(0)))
    (start, end, radius) = states[0].bars[0]
    away = states[0].positions.mean(axis=0) - start
    before = np.cross([0, 0, 1.0], (end - start) / np.linalg.norm(end - start))
    before *= np.sign(away @ before)
    areas = garment.simulation.cloth.areas
    last = [state for state in states if len(state.hands)][-1]
    behind = (last.positions - start) @ before < 0
    assert areas[behind].sum() / areas.sum() == pytest.approx(0.5, abs=0.15)
    end_height = states[-1].positions[:, 2]
    assert end_height.min() > 0.05
    assert end_height.max() == pytest.approx(start[2] + radius, abs=0.005)
