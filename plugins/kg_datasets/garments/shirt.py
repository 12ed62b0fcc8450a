"""Shirts: from the T-shirt to the long sleeve, with round or pointed necks."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, line, rounded, scoop, split
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.pattern import Limb
from kg_datasets.garments.sizes import Sizes, drawn

LONGEST = 0.48
"""Metres under the arm at which a sleeve is at its narrowest."""


@dataclass(frozen=True)
class Shirt(Sizes):
    """A tube with two sleeves, open at neck, cuffs and hem; y = 0 at the sides of the neck.

    Attributes:
        length: From the side of the neck to the hem.
        chest: Width at the armpits.
        waist, hem: Widths as shares of the chest's.
        neck: Width of the neckline.
        front_neck, back_neck: Its depths.
        neck_power: Shape of its front: near 1 a V, 2 round.
        shoulders: Width from shoulder to shoulder as a share of the chest's.
        slope: How far the shoulders drop.
        armhole: How far below the shoulder the armpit is.
        sleeve: Length under the arm.
        sleeve_angle: Degrees below the horizontal.
        cuff: Width, as a share of what goes with the sleeve's length.
        hem_sag: How far the middle of the hem hangs below its corners.
    """

    length: float = drawn(0.60, 0.78)
    chest: float = drawn(0.46, 0.58)
    waist: float = drawn(0.92, 1.0)
    hem: float = drawn(0.94, 1.06)
    neck: float = drawn(0.16, 0.21)
    front_neck: float = drawn(0.06, 0.13)
    back_neck: float = drawn(0.015, 0.03)
    neck_power: float = drawn(1.25, 2.2)
    shoulders: float = drawn(0.82, 0.92)
    slope: float = drawn(0.035, 0.06, sided=True)
    armhole: float = drawn(0.18, 0.22, sided=True)
    sleeve: float = drawn(0.06, LONGEST, sided=True)
    sleeve_angle: float = drawn(22.0, 48.0, sided=True)
    cuff: float = drawn(0.92, 1.12, sided=True)
    hem_sag: float = drawn(0.0, 0.02)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        angle = np.radians(self.sleeve_angle)
        along, across = np.array([np.cos(angle), -np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])
        bottom = self.hem_sag - self.length
        hem = np.array([self.chest * self.hem / 2, bottom])
        armpit = np.array([self.chest / 2, -self.slope - self.armhole])
        waist = np.array([self.chest * self.waist / 2, (armpit[1] + bottom) / 2])
        tip = np.array([self.chest * self.shoulders / 2, -self.slope])
        neck = np.array([self.neck / 2, 0.0])
        lower = armpit + self.sleeve * along
        upper = lower + self.cuff * float(np.interp(self.sleeve, [0.06, LONGEST], [0.18, 0.095])) * across

        rim, cuff = bow([0, -self.length], hem), line(lower, upper)
        side, under = split(rounded([hem, waist, armpit, lower], 0.05), armpit)
        return Half(
            edges=[
                Edge("hem", rim, rim),
                Edge("hem corner", side),
                Edge("armpit", under),
                Edge("cuff underside", cuff, cuff),
                Edge("cuff top", rounded([upper, tip, neck], 0.09)),
                Edge(
                    "neck side",
                    scoop(neck, [0, -self.front_neck], self.neck_power),
                    scoop(neck, [0, -self.back_neck], 2.0),
                ),
            ],
            end="neck",
            limb=Limb(armpit, along, across, width=float((tip - armpit) @ across)),
        )
