"""A rigid bar in the way of cloth."""

from dataclasses import replace

import numpy as np
import pytest

from kg.sim import Bar, Cloth, Settings, Simulation

BAR = Bar(np.array([-1.0, 0, 0.5]), np.array([1.0, 0, 0.5]), 0.02, 0.8)


def test_vertices_are_pushed_out_the_shortest_way():
    before = np.array([[0.0, 0.01, 0.5], [0.3, 0, 0.49], [0, 0.2, 0.5], [1.5, 0, 0.5]])
    after = before.copy()
    replace(BAR, friction=0.0).push_out(after, before, 0.001)
    np.testing.assert_allclose(after[0], [0, 0.021, 0.5])
    np.testing.assert_allclose(after[1], [0.3, 0, 0.479])
    np.testing.assert_array_equal(after[2:], before[2:])


def test_friction_holds_what_slides_less_than_it_is_pushed():
    before = np.array([[0.0, 0.021, 0.5]] * 2)
    after = before + np.array([[0.0005, -0.001, 0], [0.01, -0.001, 0]])
    BAR.push_out(after, before, 0.001)
    np.testing.assert_allclose(after[0], before[0], atol=1e-12)
    assert after[1, 0] == pytest.approx(0.01 - 0.8 * 0.001)


def test_cloth_hangs_over_a_bar(lying):
    vertices, faces = lying
    simulation = Simulation(Cloth.of_mesh(vertices - vertices.mean(axis=0), faces), Settings())
    simulation.positions += [0, 0, 0.55]
    simulation.bars = (BAR,)
    for _ in range(20):
        simulation.advance(0.05)
    away = np.linalg.norm(simulation.positions[:, 1:] - [0, 0.5], axis=1)
    assert away.min() > 0.0205
    assert simulation.positions[:, 2].max() > 0.5
    assert simulation.positions[:, 2].min() < 0.45
