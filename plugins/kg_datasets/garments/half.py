"""Patterns drawn as their half on the wearer's left.

Front and back of a garment are cut alike but for their openings, so one walk around the outline
describes both. The right half is drawn in the same way from sizes that differ a little, and mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import Curve
from kg_datasets.garments.pattern import Limb


@dataclass(frozen=True, eq=False)
class Edge:
    """A stretch of an outline, anticlockwise, from a named place to where the next edge begins.

    Attributes:
        start: Name of the place it begins at.
        front: Its curve on the front panel.
        back: Its curve on the back panel if it is open (a neckline, a hem); None if it is a seam,
            which has one curve and is sewn.
    """

    start: str
    front: Curve
    back: Curve | None = None


@dataclass(frozen=True, eq=False)
class Collar:
    """A collar turned down, one half: it lies over the front and under the back, sewn to the neckline.

    Attributes:
        front: From the front's end of the neckline to the collar's tip.
        outer: From the tip to the collar's side, which lies out beyond the shoulder.
        side: From the side of the neck to the collar's side.
        back: From the collar's side to the middle of its back.
    """

    front: Curve
    outer: Curve
    side: Curve
    back: Curve


@dataclass(frozen=True, eq=False)
class Half:
    """The left half of a pattern: anticlockwise from the centre line's lower end to its upper end.

    Attributes:
        edges: The first begins at the centre line, the last ends at it.
        end: Name of the place where the last ends.
        limb: Its sleeve or leg, if it has one.
        slit: The front's own edge, from the first edge's beginning to the last's end, where the front is
            open from top to bottom; or down to the place `slit_end`, below which it is sewn.
        slit_end: Name of that place, if it is not the hem.
        collar: Its collar, if it has one; it has a slit then, and its last edge is the neckline.
        layers: 2, or 1 for a garment that is a single piece of cloth.
        holes: Closed curves, clockwise, in a garment of one layer.
    """

    edges: Sequence[Edge]
    end: str
    limb: Limb | None = None
    slit: Curve | None = None
    slit_end: str = ""
    collar: Collar | None = None
    layers: int = 2
    holes: tuple[Curve, ...] = ()


def mirrored(half: Half) -> Half:
    """Return a right half: anticlockwise from the centre line's upper end to its lower end."""
    edges = [
        Edge(
            edge.start, _mirrored(edge.front)[::-1], None if edge.back is None else _mirrored(edge.back)[::-1]
        )
        for edge in reversed(half.edges)
    ]
    limb = half.limb and Limb(
        _mirrored(half.limb.corner), _mirrored(half.limb.along), _mirrored(half.limb.across), half.limb.width
    )
    collar = half.collar and Collar(
        _mirrored(half.collar.front),
        _mirrored(half.collar.outer),
        _mirrored(half.collar.side),
        _mirrored(half.collar.back),
    )
    return Half(
        edges,
        half.edges[0].start,
        limb,
        slit=None if half.slit is None else _mirrored(half.slit),
        slit_end=half.slit_end,
        collar=collar,
        layers=half.layers,
        holes=tuple(_mirrored(hole)[::-1] for hole in half.holes),
    )


def _mirrored(points: NDArray[np.float64]) -> NDArray[np.float64]:
    mirrored: NDArray[np.float64] = points * np.array([-1.0, 1.0])
    return mirrored
