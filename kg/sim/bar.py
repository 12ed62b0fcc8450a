"""What is rigid and stands in the way of cloth, beside the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bar:
    """A round bar between two points, with round ends: a hanger, a rail, the edge of a table.

    Vertices stay outside, the edges between them may cut into it a little: a bar thinner than the edges of
    the mesh are long would pass between vertices.

    Attributes:
        start, end: (3,) metres, the ends of its axis.
        radius: Metres.
        friction: Coulomb coefficient of cloth on it.
    """

    start: Points
    end: Points
    radius: float
    friction: float

    def push_out(self, positions: Points, before: Points, gap: float) -> None:
        """Push vertices (V, 3) out of the bar, in place, with Coulomb friction.

        Args:
            positions: After a step, metres.
            before: Before it.
            gap: How near to the bar they may come, metres.
        """
        keep = self.radius + gap
        low, high = np.minimum(self.start, self.end) - keep, np.maximum(self.start, self.end) + keep
        near = np.flatnonzero(((positions > low) & (positions < high)).all(axis=1))
        if not len(near):
            return
        axis = self.end - self.start
        share = ((positions[near] - self.start) @ axis / max(float(axis @ axis), 1e-12)).clip(0, 1)
        out = positions[near] - self.start - share[:, None] * axis
        away = np.linalg.norm(out, axis=1)
        inside = (away < keep) & (away > 0)
        near, away = near[inside], away[inside, None]
        normal, push = out[inside] / away, keep - away
        positions[near] += push * normal
        slid = positions[near] - before[near]
        slid -= (slid * normal).sum(axis=1, keepdims=True) * normal
        way = np.linalg.norm(slid, axis=1, keepdims=True)
        positions[near] -= np.minimum(1.0, self.friction * push / np.maximum(way, 1e-12)) * slid
