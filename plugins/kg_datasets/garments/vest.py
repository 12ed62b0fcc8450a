"""Vests: waistcoats, open in front."""

from dataclasses import dataclass

import numpy as np

from kg_datasets.garments.curves import bow, line, rounded, scoop
from kg_datasets.garments.half import Edge, Half
from kg_datasets.garments.sizes import Sizes, drawn


@dataclass(frozen=True)
class Vest(Sizes):
    """A bodice without sleeves, open from neck to hem, its fronts ending in points; y = 0 at the neck.

    Attributes:
        chest: Width at the armpits.
        waist, hem: Widths as shares of the chest's.
        length: From the side of the neck to the corners of the hem.
        point: How far the fronts' points hang below those corners.
        cutaway: How far a point is from the front's edge.
        neck: Width of the neckline.
        front_neck, back_neck: Its depths.
        strap: Width of a shoulder, along it.
        slope: How far a shoulder drops.
        armhole: How far below the shoulder the armpit is.
        gap: How far each front stays from the centre line.
    """

    chest: float = drawn(0.44, 0.54)
    waist: float = drawn(0.88, 0.96)
    hem: float = drawn(0.92, 1.0)
    length: float = drawn(0.50, 0.60)
    point: float = drawn(0.05, 0.09, sided=True)
    cutaway: float = drawn(0.035, 0.06, sided=True)
    neck: float = drawn(0.15, 0.19)
    front_neck: float = drawn(0.24, 0.32)
    back_neck: float = drawn(0.015, 0.03)
    strap: float = drawn(0.085, 0.115, sided=True)
    slope: float = drawn(0.025, 0.045, sided=True)
    armhole: float = drawn(0.21, 0.26, sided=True)
    gap: float = drawn(0.008, 0.020, sided=True)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        neck = np.array([self.neck / 2, 0.0])
        tip = neck + np.array([self.strap, -self.slope])
        armpit = np.array([self.chest / 2, tip[1] - self.armhole])
        corner = np.array([self.chest * self.hem / 2, -self.length])
        waist = np.array([self.chest * self.waist / 2, (armpit[1] + corner[1]) / 2])
        point = np.array([self.gap + self.cutaway, -self.length - self.point])
        button = np.array([self.gap, -self.length + 0.03])
        throat = np.array([self.gap, -self.front_neck])
        armhole = scoop(tip, armpit, 1.7)[::-1]
        return Half(
            edges=[
                Edge("hem", line(point, corner), bow([0, -self.length], corner)),
                Edge("hem corner", rounded([corner, waist, armpit], 0.12)),
                Edge("armpit", armhole, armhole),
                Edge("shoulder", line(tip, neck)),
                Edge(
                    "neck side",
                    rounded([neck, neck * [0.9, 0] - [0, 0.08], throat], 0.10),
                    scoop(neck, [0, -self.back_neck], 2.0),
                ),
            ],
            end="neck",
            slit=line(point, button, throat),
        )
