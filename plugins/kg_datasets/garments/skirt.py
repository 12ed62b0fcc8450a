"""Skirts, from the straight to the flared."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, rounded
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class Skirt(Sizes):
    """A tube that widens, open at waist and hem; y = 0 at the sides of the waist.

    Attributes:
        waist: Width of the waist.
        hip: Width of the hip as a share of the waist's.
        hip_depth: From waist to hip.
        length: From the sides of the waist to the lowest of the hem.
        flare: Degrees by which each side leans outwards below the hip.
        front_dip, back_dip: How far the middle of the waist lies below its sides.
    """

    waist: float = drawn(0.33, 0.42)
    hip: float = drawn(1.18, 1.34)
    hip_depth: float = drawn(0.13, 0.19)
    length: float = drawn(0.40, 0.80)
    flare: float = drawn(2.0, 24.0, sided=True)
    front_dip: float = drawn(0.02, 0.04)
    back_dip: float = drawn(0.0, 0.015)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        waist = np.array([self.waist / 2, 0.0])
        hip = np.array([self.waist * self.hip / 2, -self.hip_depth])
        lean = np.radians(self.flare)
        # The side is as long as the middle, so that the hem of a flared skirt is an arc.
        hem = hip + (self.length - self.hip_depth) * np.array([np.sin(lean), -np.cos(lean)])
        rim = bow([0, -self.length], hem)
        return Half(
            edges=[
                Edge("hem", rim, rim),
                Edge("hem corner", rounded([hem, hip, waist], 0.12)),
                Edge(
                    "waist side",
                    bow([0, -self.front_dip], waist)[::-1],
                    bow([0, -self.back_dip], waist)[::-1],
                ),
            ],
            end="waist",
        )
