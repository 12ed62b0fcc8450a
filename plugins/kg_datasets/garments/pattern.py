"""Sewing patterns: what is cut, and what is sewn to what.

Front and back of a garment are cut alike but for their openings, so one walk around the outline
describes both panels. A pattern is drawn as the half on the wearer's left; the right half is drawn in
the same way from sizes that differ a little, and mirrored.

The plane of a pattern: x to the wearer's left, y up, metres; x = 0 is the centre line.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import Curve

ASYMMETRY = 0.015
"""A sided size differs between left and right by up to this share of it, either way."""


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
class Half:
    """The left half of a pattern: anticlockwise from the centre line's lower end to its upper end.

    Attributes:
        edges: The first begins at the centre line, the last ends at it.
        end: Name of the place where the last ends.
        limb: Its sleeve or leg, if it has one.
    """

    edges: Sequence[Edge]
    end: str
    limb: Limb | None = None


@dataclass(frozen=True, eq=False)
class Pattern:
    """A whole outline, anticlockwise and closed, and its limbs."""

    outline: tuple[Edge, ...]
    limbs: tuple[Limb, ...]


def drawn(low: float, high: float, *, sided: bool = False) -> Any:
    """Declare a size that is drawn evenly from a range; a sided one differs from left to right."""
    return field(metadata={"range": (low, high), "sided": sided})


@dataclass(frozen=True)
class Sizes(ABC):
    """The sizes of one garment of a category, in metres unless said otherwise.

    Widths are of the garment lying flat, half of the way around it.
    """

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Return sizes drawn from the category's ranges."""
        return cls(**{item.name: float(rng.uniform(*item.metadata["range"])) for item in fields(cls)})

    @classmethod
    def middle(cls) -> Self:
        """Return the sizes in the middle of their ranges."""
        return cls(**{item.name: sum(item.metadata["range"]) / 2 for item in fields(cls)})

    @abstractmethod
    def half(self) -> Half:
        """Return the half on the wearer's left."""

    def pattern(self, rng: np.random.Generator | None = None) -> Pattern:
        """Return the whole pattern: its right half a little different, or without `rng` the same."""
        left = self.half()
        return _join(left, left if rng is None else self._other_side(rng).half())

    def _other_side(self, rng: np.random.Generator) -> Self:
        changed = {
            item.name: getattr(self, item.name) * (1 + rng.uniform(-ASYMMETRY, ASYMMETRY))
            for item in fields(self)
            if item.metadata["sided"]
        }
        return replace(self, **changed)


def _join(left: Half, half: Half) -> Pattern:
    right = _mirrored_half(half)
    places = [edge.start for edge in left.edges[1:]]
    up = [left.edges[0].start, *(f"left {place}" for place in places)]
    down = [left.end, *(f"right {place}" for place in reversed(places))]
    outline = [
        Edge(start, edge.front, edge.back)
        for start, edge in zip([*up, *down], [*left.edges, *right.edges], strict=True)
    ]
    return Pattern(tuple(outline), tuple(side.limb for side in (left, right) if side.limb))


def _mirrored_half(half: Half) -> Half:
    edges = [
        Edge(
            edge.start, _mirrored(edge.front)[::-1], None if edge.back is None else _mirrored(edge.back)[::-1]
        )
        for edge in reversed(half.edges)
    ]
    limb = half.limb and Limb(
        _mirrored(half.limb.corner), _mirrored(half.limb.along), _mirrored(half.limb.across), half.limb.width
    )
    return Half(edges, half.edges[0].start, limb)


def _mirrored(points: NDArray[np.float64]) -> NDArray[np.float64]:
    mirrored: NDArray[np.float64] = points * np.array([-1.0, 1.0])
    return mirrored
