"""Scarves with fringes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kg_datasets.garments.curves import Curve, line
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn

TASSEL = 0.055
"""Metres from one tassel to the next, about."""


@dataclass(frozen=True)
class Scarf(Sizes):
    """One long strip with tassels at both ends; (0, 0) is its middle.

    Attributes:
        length: Without the tassels.
        width: Of the strip.
        fringe: Length of the tassels.
        cover: Width of a tassel as a share of the way to the next.
        slant: Degrees by which the ends lean.
        waist: Width in the middle as a share of that at the ends.
    """

    length: float = drawn(1.05, 1.45, sided=True)
    width: float = drawn(0.22, 0.32)
    fringe: float = drawn(0.06, 0.10, sided=True)
    cover: float = drawn(0.50, 0.62)
    slant: float = drawn(-4.0, 4.0)
    waist: float = drawn(0.90, 1.0)

    edge: ClassVar[float] = 0.016

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        lean = np.tan(np.radians(self.slant)) * self.width / 2
        low = np.array([self.length / 2 + lean, -self.width / 2])
        high = np.array([self.length / 2 - lean, self.width / 2])
        middle = self.waist * self.width / 2
        return Half(
            edges=[
                Edge("lower middle", line([0, -middle], low)),
                Edge("lower corner", self._fringe(low, high)),
                Edge("upper corner", line(high, [0, middle])),
            ],
            end="upper middle",
            layers=1,
        )

    def _fringe(self, low: Curve, high: Curve) -> Curve:
        """Return the tassels' outline, from one corner of an end to the other."""
        count = round(float(np.linalg.norm(high - low)) / TASSEL)
        out = np.array([self.fringe, 0.0])
        # The first and the last stand at the corners.
        pitch = (high - low) / (count - 1 + self.cover)
        feet = low + np.arange(count)[:, None] * pitch
        heads = feet + self.cover * pitch
        corners = np.stack([feet, feet + out, heads + out, heads], axis=1)
        return line(*corners.reshape(-1, 2))
