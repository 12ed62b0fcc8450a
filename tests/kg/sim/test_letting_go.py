"""Hands that let go of what is caught fast."""

import numpy as np

from kg.sim import Cloth, Grip, Simulation


def test_a_hand_lets_go_once_and_for_all_of_what_does_not_follow(lying):
    simulation = Simulation(Cloth.of_mesh(*lying))
    start = simulation.positions[:2].copy() + np.array([0, 0, 0.001])
    fast = Grip(np.arange(2), lambda time: start, 0.0, 1.0)
    # One hand holds what another, which comes later, is to carry away.
    torn = Grip(np.arange(2), lambda time: start + np.array([min(time, 0.1), 0, 0]), 0.0, 1.0, lets_go=0.03)
    for _ in range(4):
        simulation.advance(0.02, [torn, fast])
    assert not simulation.holds(torn)
    assert simulation.holds(fast)
    assert simulation.slip < 0.01
