"""Sewing patterns: what is cut, and what is sewn to what.

A pattern is a net of lines between named places, and panels that are cut along them. A line along which
two panels are cut is a seam: there they are sewn together. A line of one panel is the rim of an opening.

The plane of a pattern: x to the wearer's left, y up, metres; x = 0 is the centre line. All panels are
drawn where they lie when the garment lies flat, so that a layer covers the one below it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import Curve

FRONT, BACK = 1, -1
"""Sides of the layers that a garment is made of; a garment of one layer has side 0."""
OVER, UNDER = 2, -2
"""Sides of what is turned down upon the front and the back: a collar."""

EDGE = 0.02
"""Metres: length aimed at for the edges of a mesh, unless a garment is small."""


@dataclass(frozen=True, eq=False)
class Line:
    """A curve (M, 2) from one named place to another."""

    start: str
    end: str
    curve: Curve


Walk = tuple[tuple[Line, bool], ...]
"""Lines one after another; one with False is walked from its end to its start."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One piece of cloth.

    Attributes:
        side: The layer it lies in: FRONT, BACK, OVER, UNDER, or 0 where there is only one.
        outline: The lines anticlockwise around it.
        holes: Closed curves (M, 2) inside it, clockwise, their ends the same point.
    """

    side: int
    outline: Walk
    holes: tuple[Curve, ...] = ()


@dataclass(frozen=True, eq=False)
class Limb:
    """A sleeve or a leg, which can swing and curl by itself.

    Attributes:
        corner: (2,) where it parts from the rest: armpit, crotch.
        along: (2,) unit vector from there to its cuff.
        across: (2,) unit vector from the corner into the limb, at right angles to `along`.
        width: Its width at the corner.
    """

    corner: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]
    width: float

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the points (V, 2) of a pattern belong to the limb."""
        offset = points - self.corner
        # A rounded corner lets the limb bulge past it by a centimetre or so.
        inside: NDArray[np.bool_] = (offset @ self.along > 0) & (offset @ self.across > -0.02)
        return inside


@dataclass(frozen=True, eq=False)
class Pattern:
    """Panels, and what is known of the garment that they make.

    Attributes:
        panels: In the order in which the mesh numbers them.
        places: Names of all places where lines meet, in the order of the landmarks.
        limbs: Sleeves or legs.
        edge: Metres: length aimed at for the edges of the mesh.
    """

    panels: tuple[Panel, ...]
    places: tuple[str, ...]
    limbs: tuple[Limb, ...] = ()
    edge: float = EDGE
