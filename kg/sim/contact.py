"""Contact of cloth with itself: layers keep their thickness apart, and none ever passes through another.

Two sides touch where a vertex is near a triangle or an edge near an edge. Pushing such pairs apart keeps
them so nearly always; what makes it always is a bound: between two looks at the distances no vertex moves
farther than `SAFE` times the distance to whatever is nearest to it. Two sides that each use up less than
half of the distance between them cannot meet, so that cloth which does not pass through itself at first
never does (as in Offset Geometric Contact, Chen et al., ACM Transactions on Graphics 44(4), 2025). What all
vertices have in common of a motion does not count: a garment falls as fast as it likes.

Looking is what costs, so it is done ahead, and again only where a vertex is somewhere else than was foreseen.
`find` keeps the pairs that could come near before long if all went on as fast as now, or a little faster;
`survey` measures those, and says which of them could come near in the next few steps.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Cloth

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Corners = NDArray[np.uint32]

EDGES_CLOSER = 0.5
"""How near two edges may come, in thicknesses; layers lie upon each other by vertices and triangles."""
SAFE = 0.45
"""Share of the distance between two sides that either may use up before it is measured anew."""
ANEW = 0.5
"""Once a vertex has used up its bound, all that used up more than so much of theirs are measured with it."""
STEPS = 2
"""Steps at the present speed for which distances are measured ahead."""
FORESEEN, LONGEST = 2.0, 0.1
"""Pairs are found ahead for as long as most vertices take for so many thicknesses, or so many seconds."""
SLACK_NEAR, SLACK_FAR = 0.2, 0.5
"""The least that is allowed for either, in thicknesses."""
SLOW = 0.3
"""A vertex that uses up less than so much of its slack is taken to stay where it is."""
UNFORESEEN = 0.3
"""Share of its way by which a vertex may miss where it was foreseen to be."""

ROUNDING = 1e-6
"""Share of a bound by which a vertex may seem to be outside it."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a vertex and a triangle, or of two edges, that may come near each other.

    Attributes:
        corners: (P, 4) vertices, those of the first side first.
        apart: (P,) metres, how near they may come.
        gaps: (P,) metres, their distance when last measured; negative if it never was.
    """

    corners: Corners
    apart: Values
    gaps: Values

    @classmethod
    def none(cls) -> "Pairs":
        """Return no pairs."""
        return cls(np.empty((0, 4), dtype=np.uint32), np.empty(0), np.empty(0))


@dataclass(frozen=True, eq=False)
class ContactMesh:
    """What a search for contacts has to know of a cloth.

    Attributes:
        rest: (V, 3) vertices at rest.
        vertices, faces, edges: (V, 1), (F, 3) and (E, 2) corners, those that follow each other near each
            other.
        starts, near: A row a vertex, as (V + 1,) starts and (n,) neighbours: sides that belong to
            neighbours may be as near as they are at rest.
    """

    rest: Points
    vertices: Corners
    faces: Corners
    edges: Corners
    starts: Indices
    near: Indices

    @classmethod
    def of_cloth(cls, cloth: Cloth, thickness: float) -> "ContactMesh":
        """Return that of a cloth whose layers keep a thickness, metres."""
        vertices, faces, edges = (
            np.ascontiguousarray(sides[_along_a_curve(cloth.rest[sides].mean(axis=1))], np.uint32)
            for sides in (np.arange(len(cloth.rest))[:, None], cloth.faces, cloth.edges.pairs)
        )
        return cls(cloth.rest, vertices, faces, edges, *cloth.near(thickness))


def _along_a_curve(places: Points) -> Indices:
    """Return the order of places (n, 3) along Morton's curve, on which neighbours are near."""
    low, size = places.min(axis=0), np.ptp(places, axis=0).max()
    cells = ((places - low) / size * 1023).astype(np.int64)
    codes = np.zeros(len(places), dtype=np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(codes, kind="stable")


class Contacts:
    """The contacts of a cloth in motion.

    Attributes:
        kinds: What was found.
        close: Of either kind, the rows that may come too near before the next look.
        reference: (V, 3) where each vertex was when its distances were measured; moves on by what all
            move by in common.
        bounds: (V,) metres that each may be from there.
    """

    def __init__(self, kernels: ModuleType, cloth: Cloth, thickness: float) -> None:
        count = len(cloth.rest)
        self._kernels, self._thickness = kernels, thickness
        self._mesh = ContactMesh.of_cloth(cloth, thickness)
        self.kinds = [Pairs.none(), Pairs.none()]
        self.close = [np.empty(0, dtype=np.int64)] * 2
        self.reference, self.bounds = cloth.rest.copy(), np.full(count, -1.0)
        self._windows = np.zeros(count)
        self._found_at, self._velocities = cloth.rest.copy(), np.zeros_like(cloth.rest)
        self._reaches, self._since, self._until = np.full(count, -1.0), 0.0, -1.0

    def look(self, before: Points, ahead: Points, velocities: Points, step: float, *, together: bool) -> None:
        """Measure distances anew where a vertex is about to leave its bound.

        Args:
            before: (V, 3) where the vertices are.
            ahead: (V, 3) where they will be after the step if nothing stops them.
            velocities: (V, 3) m/s.
            step: Seconds.
            together: What all have moved by in common does not count.
        """
        self._since += step
        moved = self._kernels.moved(ahead, self.reference, self.bounds, together)
        if not (moved > 1).any():
            return
        # A vertex on its way back may still be far from its reference.
        already = self._kernels.moved(before, self.reference, self.bounds, False)
        anew = np.maximum(moved, already) > ANEW
        # Never measured, or moved by somebody else.
        anew |= (already > 1 + ROUNDING).any()
        if together:
            velocities = velocities - velocities.mean(axis=0)
        speeds = np.linalg.norm(velocities, axis=1)
        windows = np.maximum(SLACK_NEAR * self._thickness, STEPS * step * speeds)
        self._windows[anew] = windows[anew]
        self._find(before, velocities, speeds, together=together)
        # Measuring a vertex anew narrows the bounds of others; one that is beyond its own by that is next.
        while anew.any():
            self.reference[anew] = before[anew]
            self.bounds = self._windows.copy()
            self.close = self._kernels.survey(
                self.reference, self.kinds, self._windows, anew, SAFE, self.bounds
            )
            anew = self._kernels.moved(before, self.reference, self.bounds, False) > 1

    def _find(self, positions: Points, velocities: Points, speeds: Values, *, together: bool) -> None:
        """Find pairs anew for the vertices that are somewhere else than was foreseen, if there are any."""
        expected = self._found_at + self._since * self._velocities
        if together:
            expected += (positions - expected).mean(axis=0)
        missed = self._kernels.moved(positions, expected, self._reaches - 2 * self._windows, False)
        lost = missed > (ANEW if (missed > 1).any() else 1)
        if self._since > self._until:
            # For all that move, what was foreseen has come to its end.
            lost |= self._velocities.any(axis=1)
            usual = float(np.percentile(speeds, 90))
            self._since, self._until = 0.0, min(LONGEST, FORESEEN * self._thickness / max(usual, 1e-9))
        if not lost.any():
            return
        left = self._until - self._since
        fast = speeds * left > SLOW * SLACK_FAR * self._thickness
        self._velocities[lost] = np.where(fast[:, None], velocities, 0.0)[lost]
        slack = np.maximum(SLACK_FAR * self._thickness, UNFORESEEN * left * speeds)
        self._reaches[lost] = (2 * self._windows + slack)[lost]
        expected[lost] = positions[lost]
        self._found_at = expected - self._since * self._velocities
        self.kinds = self._kernels.find(
            expected, left * self._velocities, self._mesh, self._reaches, self._thickness, self.kinds, lost
        )
