"""Long and short trousers."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, line, rounded
from kg_datasets.garments.pattern import Edge, Half, Limb, Sizes, drawn

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
        cuff = thigh * self.cuff
        lean = np.radians(self.spread)
        along = np.array([np.sin(lean), -np.cos(lean)])
        level = np.array([np.cos(lean), np.sin(lean)])

        top = np.array([GAP, -self.rise])
        # Both seams of a leg take their share of its narrowing, so that it hangs from its middle.
        inner = top + self.inseam * along + max(0.0, thigh - cuff) / 2 * level
        outer = inner + cuff * level
        hang = hip + (thigh - hip[0] + GAP) * np.array([1.0, 0.0]) - 0.3 * self.rise * np.array([0.0, 1.0])
        slack = (1 - self.knee) * (thigh + cuff) / 4
        inner_knee, outer_knee = (top + inner) / 2 + slack * level, (hang + outer) / 2 - slack * level

        inseam = rounded([[0, -self.rise], top, inner_knee, inner], 0.25)
        outseam = rounded([outer, outer_knee, hang, hip, waist], 0.25)
        return Half(
            edges=[
                Edge("crotch", inseam),
                Edge("cuff inside", *[line(inner, outer)] * 2),
                Edge("cuff outside", outseam),
                Edge(
                    "waist side",
                    bow([0, -self.front_dip], waist)[::-1],
                    bow([0, -self.back_dip], waist)[::-1],
                ),
            ],
            end="waist",
            limb=Limb(top, along, level, width=thigh),
        )


@dataclass(frozen=True)
class ShortPants(LongPants):
    """Trousers that end above the knee; sizes as of the long ones."""

    inseam: float = drawn(0.10, 0.26, sided=True)
    knee: float = drawn(0.97, 1.0, sided=True)
    cuff: float = drawn(0.86, 1.06, sided=True)
    spread: float = drawn(4.0, 10.0, sided=True)
