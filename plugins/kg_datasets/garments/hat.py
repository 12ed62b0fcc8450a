"""Hats: a crown on a brim."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kg_datasets.garments.curves import bow, rounded, scoop, split
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class Hat(Sizes):
    """A crown sewn shut over the head, open at the brim's rim; y = 0 where crown and brim meet.

    Attributes:
        head: Width of the crown where the brim begins.
        crown: Height of the crown.
        roundness: Shape of the crown: 2 round, above it squarer.
        brim: From the crown to the rim.
        flare: Degrees from the vertical by which the brim leans outwards.
    """

    head: float = drawn(0.26, 0.31)
    crown: float = drawn(0.14, 0.20)
    roundness: float = drawn(2.4, 3.6)
    brim: float = drawn(0.06, 0.11, sided=True)
    flare: float = drawn(40.0, 62.0, sided=True)

    edge: ClassVar[float] = 0.012

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        lean = np.radians(self.flare)
        band = np.array([self.head / 2, 0.0])
        corner = band + self.brim * np.array([np.sin(lean), -np.cos(lean)])
        # The rim hangs lowest in the middle: a brim is a ring, as long in front as at its sides.
        rim = bow([0, -self.brim], corner)
        dome = scoop(band, [0, self.crown], self.roundness)
        brim, crown = split(rounded([corner, band, dome[12]], 0.02), band)
        return Half(
            edges=[
                Edge("brim", rim, rim),
                Edge("brim corner", brim),
                Edge("band side", np.concatenate([crown, dome[13:]])),
            ],
            end="crown",
        )
