"""Face masks with ear loops."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kg_datasets.garments.curves import Curve, bow, scoop, split
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class Mask(Sizes):
    """One layer with a loop at each side; (0, 0) is the middle between the loops' ends.

    Attributes:
        width: From side to side, without the loops.
        side: Height of the sides.
        nose, chin: How far the middle rises above and sinks below the sides.
        loop: How far a loop stands out.
        loop_power: Shape of the loops: 2 round, above it squarer.
        strap: Width of the loops.
    """

    width: float = drawn(0.155, 0.195)
    side: float = drawn(0.075, 0.100)
    nose: float = drawn(0.008, 0.028)
    chin: float = drawn(0.008, 0.028)
    loop: float = drawn(0.060, 0.085, sided=True)
    loop_power: float = drawn(2.0, 2.8, sided=True)
    strap: float = drawn(0.007, 0.009)

    edge: ClassVar[float] = 0.007

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        low = np.array([self.width / 2, -self.side / 2])
        outer = self._loop(0.0)
        inner = self._loop(self.strap)
        below, above = split(outer, [low[0] + self.loop, 0.0])
        return Half(
            edges=[
                Edge("chin", bow([0, low[1] - self.chin], low)),
                Edge("lower corner", below),
                Edge("loop", above),
                Edge("upper corner", bow([0, -low[1] + self.nose], -low * [-1, 1])[::-1]),
            ],
            end="nose",
            layers=1,
            holes=(np.concatenate([inner[::-1], inner[-1:]]),),
        )

    def _loop(self, inset: float) -> Curve:
        """Return a loop's line, from its lower to its upper end, so far within its outer one."""
        foot = np.array([self.width / 2, 0.0])
        out, up = self.loop - inset, self.side / 2 - inset
        lower = foot + scoop([out, 0], [0, -up], self.loop_power)[::-1]
        return np.concatenate([lower, lower[-2::-1] * [1, -1]])
