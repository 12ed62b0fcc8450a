"""Polo shirts: short sleeves, a collar, and a slit below it."""

from dataclasses import dataclass, replace

import numpy as np

from kg_datasets.garments.collar import cut_open, turned_down
from kg_datasets.garments.curves import line
from kg_datasets.garments.half import Half
from kg_datasets.garments.shirt import Shirt
from kg_datasets.garments.sizes import drawn


@dataclass(frozen=True)
class Polo(Shirt):
    """A short-sleeved shirt with a collar and a slit in front; further sizes as of the shirt.

    Attributes:
        collar: Width of the collar.
        spread: Degrees by which the collar's edges at the throat lean outwards.
        open_neck: How far each side of the slit stays from the centre line at the neck.
        placket: Length of the slit.
    """

    neck: float = drawn(0.16, 0.19)
    front_neck: float = drawn(0.06, 0.08)
    neck_power: float = drawn(1.8, 2.2)
    sleeve: float = drawn(0.08, 0.20, sided=True)
    collar: float = drawn(0.058, 0.075)
    spread: float = drawn(28.0, 45.0, sided=True)
    open_neck: float = drawn(0.008, 0.020, sided=True)
    placket: float = drawn(0.11, 0.17)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        half = cut_open(super().half(), 0.0, self.open_neck)
        throat = half.edges[-1].front[-1]
        foot = np.array([0.0, -self.front_neck - self.placket])
        half = replace(half, slit=line(foot, throat), slit_end="placket end")
        return turned_down(half, self.collar, self.spread)
