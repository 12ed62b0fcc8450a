"""Long and short trousers."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, line, rounded
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.pattern import Limb
from kg_datasets.garments.sizes import Sizes, drawn

GAP = 0.018
"""Metres from the centre line to where an inseam turns down."""


@dataclass(frozen=True)
class LongPants(Sizes):
    """A tube that parts into two, open at waist and cuffs; y = 0 at the sides of the waist.

    Attributes:
        waist: Width of the waist.
        hip: Width of the hip as a share of the waist's.
        rise: From waist to crotch.
        inseam: From crotch to cuff.
        thigh: Width of a leg below the crotch, as a share of half the hip's.
        knee: Width at the knee as a share of what lies between thigh and cuff.
        cuff: Width of a cuff as a share of the thigh's.
        spread: Degrees by which each leg leans outwards.
        front_dip, back_dip: How far the middle of the waist lies below its sides.
    """

    waist: float = drawn(0.35, 0.46)
    hip: float = drawn(1.15, 1.32)
    rise: float = drawn(0.25, 0.32)
    inseam: float = drawn(0.66, 0.82, sided=True)
    thigh: float = drawn(1.0, 1.1)
    knee: float = drawn(0.86, 1.0, sided=True)
    cuff: float = drawn(0.55, 1.0, sided=True)
    spread: float = drawn(2.0, 6.0, sided=True)
    front_dip: float = drawn(0.015, 0.035)
    back_dip: float = drawn(-0.01, 0.01)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        waist = np.array([self.waist / 2, 0.0])
        hip = np.array([self.waist * self.hip / 2, -0.7 * self.rise])
        thigh = self.waist * self.hip / 2 * self.thigh
        lean = np.radians(self.spread)
        along, across = np.array([np.sin(lean), -np.cos(lean)]), np.array([np.cos(lean), np.sin(lean)])

        # Both seams of a leg take their share of its narrowing, so that it hangs from its middle.
        inner_top, outer_top = np.array([GAP, -self.rise]), np.array([GAP + thigh, -self.rise])
        inner = inner_top + self.inseam * along + thigh * max(0.0, 1 - self.cuff) / 2 * across
        outer = inner + thigh * self.cuff * across
        slack = thigh * (1 + self.cuff) / 4 * (1 - self.knee) * across
        inner_knee, outer_knee = (inner_top + inner) / 2 + slack, (outer_top + outer) / 2 - slack

        inseam = rounded([[0, -self.rise], inner_top, inner_knee, inner], 0.25)
        outseam = rounded([outer, outer_knee, outer_top, hip, waist], 0.25)
        cuff = line(inner, outer)
        return Half(
            edges=[
                Edge("crotch", inseam),
                Edge("cuff inside", cuff, cuff),
                Edge("cuff outside", outseam),
                Edge(
                    "waist side",
                    bow([0, -self.front_dip], waist)[::-1],
                    bow([0, -self.back_dip], waist)[::-1],
                ),
            ],
            end="waist",
            limb=Limb(inner_top, along, across, width=thigh),
        )


@dataclass(frozen=True)
class ShortPants(LongPants):
    """Trousers that end above the knee; sizes as of the long ones."""

    inseam: float = drawn(0.10, 0.26, sided=True)
    knee: float = drawn(0.97, 1.0, sided=True)
    cuff: float = drawn(0.86, 1.06, sided=True)
    spread: float = drawn(4.0, 10.0, sided=True)
