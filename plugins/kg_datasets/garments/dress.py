"""Dresses without sleeves: a fitted bodice on a flared skirt."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, line, rounded, scoop, split
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class ShortDress(Sizes):
    """A tube with two straps, open at neck, armholes and hem; y = 0 at the sides of the neck.

    Attributes:
        chest: Width at the armpits.
        waist: Width of the waist as a share of the chest's.
        waist_depth: From the sides of the neck to the waist.
        skirt: From the waist to the lowest of the hem.
        flare: Degrees by which each side of the skirt leans outwards.
        neck: Width of the neckline.
        front_neck, back_neck: Its depths.
        neck_power: Shape of its front: near 1 a V, 2 round, above it a square.
        strap: Width of a strap, along the shoulder.
        slope: How far a strap drops towards the arm.
        armhole: How far below the strap the armpit is.
    """

    chest: float = drawn(0.40, 0.48)
    waist: float = drawn(0.78, 0.88)
    waist_depth: float = drawn(0.38, 0.43)
    skirt: float = drawn(0.34, 0.54)
    flare: float = drawn(10.0, 26.0, sided=True)
    neck: float = drawn(0.17, 0.23)
    front_neck: float = drawn(0.10, 0.18)
    back_neck: float = drawn(0.04, 0.10)
    neck_power: float = drawn(1.3, 2.8)
    strap: float = drawn(0.055, 0.09, sided=True)
    slope: float = drawn(0.012, 0.025, sided=True)
    armhole: float = drawn(0.19, 0.23, sided=True)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        neck = np.array([self.neck / 2, 0.0])
        tip = neck + np.array([self.strap, -self.slope])
        armpit = np.array([self.chest / 2, tip[1] - self.armhole])
        waist = np.array([self.chest * self.waist / 2, -self.waist_depth])
        lean = np.radians(self.flare)
        hem = waist + self.skirt * np.array([np.sin(lean), -np.cos(lean)])
        rim = bow([0, -self.waist_depth - self.skirt], hem)
        armhole = scoop(tip, armpit, 1.7)[::-1]
        side, bodice = split(rounded([hem, waist, armpit], 0.12), waist)
        return Half(
            edges=[
                Edge("hem", rim, rim),
                Edge("hem corner", side),
                Edge("waist side", bodice),
                Edge("armpit", armhole, armhole),
                Edge("shoulder", line(tip, neck)),
                Edge(
                    "neck side",
                    scoop(neck, [0, -self.front_neck], self.neck_power),
                    scoop(neck, [0, -self.back_neck], 2.0),
                ),
            ],
            end="neck",
        )


@dataclass(frozen=True)
class LongDress(ShortDress):
    """A dress that ends between calf and ankle; sizes as of the short one."""

    skirt: float = drawn(0.74, 1.00)
    flare: float = drawn(7.0, 18.0, sided=True)
