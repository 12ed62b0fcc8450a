"""Ties, untied."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kg_datasets.garments.curves import line, rounded
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class Tie(Sizes):
    """A long strip, pointed at both ends, wide at one; y = 0 half way along it.

    It is one layer: the layers of a real tie are sewn to its lining and move together.

    Attributes:
        length: From tip to tip.
        blade, tail: Greatest widths of the wide and of the narrow end.
        neck: Width of the narrow part between them.
        blade_point, tail_point: Heights of the points as shares of half those widths.
        blade_taper, tail_taper: Lengths over which the ends narrow, as shares of the whole.
    """

    length: float = drawn(1.15, 1.40)
    blade: float = drawn(0.092, 0.120)
    tail: float = drawn(0.050, 0.064)
    neck: float = drawn(0.034, 0.040)
    blade_point: float = drawn(0.85, 1.15, sided=True)
    tail_point: float = drawn(0.85, 1.15, sided=True)
    blade_taper: float = drawn(0.38, 0.48, sided=True)
    tail_taper: float = drawn(0.20, 0.30, sided=True)

    edge: ClassVar[float] = 0.012

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        low, high = -self.length / 2, self.length / 2
        blade = np.array([self.blade / 2, low + self.blade_point * self.blade / 2])
        tail = np.array([self.tail / 2, high - self.tail_point * self.tail / 2])
        wide = np.array([self.neck / 2, low + self.blade_taper * self.length])
        narrow = np.array([self.neck / 2, high - self.tail_taper * self.length])
        return Half(
            edges=[
                Edge("blade tip", line([0, low], blade)),
                Edge("blade corner", rounded([blade, wide, (wide + narrow) / 2], 0.10)),
                Edge("neck", rounded([(wide + narrow) / 2, narrow, tail], 0.10)),
                Edge("tail corner", line(tail, [0, high])),
            ],
            end="tail tip",
            layers=1,
        )
