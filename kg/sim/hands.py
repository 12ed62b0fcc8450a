"""What hands do with what they take."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kg.sim.garment import Garment
from kg.sim.simulation import Grip

Points = NDArray[np.float64]


def lifted(garment: Garment, vertex: int, way: Callable[[float], Points], start: float, end: float) -> Grip:
    """Return the grip of a hand that takes what lies at a vertex, and moves it without turning it.

    Args:
        garment: As it lies when the hand takes it.
        vertex: What the hand closes on.
        way: Gives where the hand is at a time, (3,) metres from where it took hold.
        start: When it takes, seconds.
        end: When it lets go, seconds.
    """
    vertices = garment.grasp(vertex)
    held = garment.positions[vertices]

    def path(time: float) -> Points:
        return held + way(time)

    return Grip(vertices, path, start, end)
