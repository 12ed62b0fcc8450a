"""What hands do with what they take."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.sim.deformation import eased
from kg.sim.garment import Garment
from kg.sim.grips import Grip

Points = NDArray[np.float64]

CAUGHT = 0.03
"""Metres from where a hand is to be at which it lets go: layers pressed on each other can hold it fast."""


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

    return Grip(vertices, path, start, end, (vertex,))


def led(
    garment: Garment,
    vertex: int,
    places: Sequence[Points],
    times: Sequence[float],
    end: float,
    taken: NDArray[np.int64] | None = None,
) -> Grip:
    """Return the grip of a hand that takes what lies at a vertex, and is led from place to place.

    Args:
        garment: As it is when the hand takes it.
        vertex: What the hand closes on.
        places: Where the hand is one after the other, (3,) metres each; it starts where the vertex is.
        times: When it is there, as many, ascending, and before them when it takes hold, seconds.
        end: When it lets go, seconds.
        taken: (G,) the vertices that it takes; all layers by default.
    """
    vertices = garment.grasp(vertex) if taken is None else taken
    held = garment.positions[vertices] - garment.positions[vertex]
    stops = [garment.positions[vertex].copy(), *places]

    def path(time: float) -> Points:
        leg = min(max(int(np.searchsorted(times, time, side="right")) - 1, 0), len(stops) - 2)
        share = eased((time - times[leg]) / (times[leg + 1] - times[leg]))
        place: Points = held + stops[leg] + share * (stops[leg + 1] - stops[leg])
        return place

    return Grip(vertices, path, times[0], end, (vertex,), CAUGHT)
