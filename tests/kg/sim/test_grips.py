"""Hands, and what is caught fast."""

from dataclasses import replace

import numpy as np

from kg.sim import Cloth, Grip, Simulation
from kg.sim.grips import Hold


def test_a_hand_lets_go_once_and_for_all_of_what_does_not_follow(lying):
    simulation = Simulation(Cloth.of_mesh(*lying))
    start = simulation.positions[:2].copy() + np.array([0, 0, 0.001])
    fast = Grip(np.arange(2), lambda time: start, 0.0, 1.0)
    # One hand holds what another, which comes later, is to carry away.
    torn = Grip(np.arange(2), lambda time: start + np.array([min(time, 0.1), 0, 0]), 0.0, 1.0, lets_go=0.03)
    for _ in range(4):
        simulation.advance(0.02, [torn, fast])
    assert [hold.grip for hold in simulation.held_by([torn, fast])] == [fast]
    assert simulation.slip < 0.01


def strip():
    """Return the cloth of two rows of four vertices, 1 cm apart; the first row is 0 to 3."""
    rest = np.array([(x / 100, y / 100, 0) for y in range(2) for x in range(4)])
    faces = [(x, x + 1, x + 4) for x in range(3)] + [(x + 1, x + 5, x + 4) for x in range(3)]
    return Cloth.of_mesh(rest, np.array(faces))


def pulled(caught, hands, seconds):
    """Pull vertices 0 to 2 at 0.5 m/s, 0 of them caught for so many milliseconds; return hold and places."""
    cloth = strip()
    rest = cloth.rest
    hold = Hold(Grip(np.arange(3), lambda time: rest[:3] + 0.5 * time * np.eye(3)[0], 0.0, 9.0, hands), cloth)
    positions, step = rest.copy(), 0.001
    for number in range(round(seconds / step)):
        time = (number + 1) * step
        positions[hold.vertices] = hold.carried(positions[hold.vertices], time, step)
        positions[0] = rest[0] if number < caught else positions[0]
        hold.look(positions, time, step)
    return hold, positions


def test_a_hand_waits_for_the_vertex_that_it_closes_on():
    hold, positions = pulled(400, (0,), 0.4)
    assert 0.002 < positions[2, 0] - 0.02 < 0.003
    assert 0.38 < hold.late < 0.4
    assert hold.vertices.tolist() == [0, 1, 2]


def test_a_hand_that_waited_makes_up_for_it_and_gets_where_it_was_going():
    hold, positions = pulled(100, (0,), 0.8)
    assert hold.late == 0
    np.testing.assert_allclose(positions[:3, 0], np.arange(3) / 100 + 0.4, atol=1e-9)


def test_what_is_caught_slips_out_of_a_hand_that_closes_on_something_else():
    hold, positions = pulled(400, (1,), 0.4)
    assert hold.vertices.tolist() == [1, 2]
    np.testing.assert_allclose(positions[[1, 2], 0], [0.01 + 0.2, 0.02 + 0.2], atol=0.02)


def test_a_hand_that_may_let_go_does_so_of_cloth_that_is_taut():
    cloth = strip()
    stays = Grip(np.arange(4), lambda time: cloth.rest[:4], 0.0, 9.0)
    lets_go = replace(stays, lets_go=0.03)
    sooner = replace(lets_go, taut=(0.25, 0.06))
    for grip, moved, shift, over in [
        (lets_go, [4, 5, 6, 7], 0.0005, False),
        (lets_go, [4, 5, 6, 7], 0.002, True),
        (lets_go, [4], 0.002, False),  # two of the seven edges that leave the hand
        (sooner, [4], 0.002, True),
        (sooner, [7], 0.002, False),  # one of them
        (stays, [4, 5, 6, 7], 0.002, False),
    ]:
        hold, positions = Hold(grip, cloth), cloth.rest.copy()
        positions[moved, 1] += shift
        hold.look(positions, 0.001, 0.001)
        assert hold.over == over
