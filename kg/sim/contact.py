"""Contact of cloth with itself: layers keep their thickness apart, and none ever passes through another.

Two sides touch where a vertex is near a triangle or an edge near an edge. Pushing such pairs apart keeps
them so nearly always; what makes it always is a bound on every step. Two sides that do not meet have a plane
between them, and neither goes farther towards it in a step than leaves room for the other: the step of a
vertex is cut short at the first plane that it comes to, so that cloth which does not pass through itself at
first never does (as in Offset Geometric Contact, Chen et al., ACM Transactions on Graphics 44(4), 2025, whose
bounds are spheres). Where it does at rest, or touches itself, what meets there is left alone. A plane that
stands still stops layers that are pressed on each other and carried together; it may go with them.

Finding the pairs is what costs, so it is done ahead: vertices are taken to go on as they do now, and found
anew are only the pairs of those that leave a window around where they were foreseen to be. Garments that fall
and layers that are carried together need no search.
"""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Cloth
from kg.sim.tangles import tangled

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Corners = NDArray[np.uint32]
Kinds = tuple["Pairs", "Pairs"]
"""Pairs of a vertex and a triangle, and pairs of edges."""

NO_VERTEX = 2**32 - 1
"""Stands for a side that is none."""
NEAREST = 0.1
"""Sides never come nearer than so much of what they are to keep."""
TOUCHING = 0.01
"""Sides touch that are nearer than so many thicknesses."""
WINDOW, STEPS = 1.0, 2.0
"""The radius of a vertex's window: so many thicknesses, or its way in so many steps if that is more."""
FORESEEN, LONGEST = 2.5, 0.1
"""Pairs are found ahead for as long as most vertices take for so many thicknesses, or so many seconds."""
SLOW = 0.3
"""A vertex that uses up less than so much of its window until then is taken to stay where it is."""
PASSES = 16
"""How often planes that go with their sides are looked at in a step before they stand still."""
ANEW = 0.7
"""Once a vertex leaves its window, all that used up more than so much of theirs are looked at with it."""


class Pairs(NamedTuple):
    """Pairs of a vertex and a triangle, or of two edges, that may come near each other.

    Attributes:
        corners: (P, 4) vertices, those of the first side first.
        apart: (P,) metres, how near they may come.
        closing: (P,) m/s, how fast their distance changes at most while all go as foreseen.
        gaps: (P,) metres, less than which their distance is not; measured anew when that is too little.
    """

    corners: Corners
    apart: Values
    closing: Values
    gaps: Values

    @classmethod
    def none(cls) -> "Pairs":
        """Return no pairs."""
        return cls(np.empty((0, 4), dtype=np.uint32), *np.empty((3, 0)))


@dataclass(frozen=True, eq=False)
class ContactMesh:
    """What a search for contacts has to know of a cloth.

    Attributes:
        rest: (V, 3) vertices at rest.
        vertices, faces, edges: (V, 1), (F, 3) and (E, 2) corners, those that follow each other near each
            other.
        apart: Metres, how near a vertex and a triangle may come, and two edges.
        starts, near: A row a vertex, as (V + 1,) starts and (n,) neighbours: sides that belong to
            neighbours may be as near as they are at rest.
        tangled: (V,) bool, the vertices of sides that pass through each other at rest, or touch. Two sides
            that have one each are no pair.
        crowded: (V,) bool, the vertices of sides that are nearer at rest than others may come. Only pairs
            whose vertices all are may come as near.
    """

    rest: Points
    vertices: Corners
    faces: Corners
    edges: Corners
    apart: tuple[float, float]
    starts: Indices
    near: Indices
    tangled: NDArray[np.bool_]
    crowded: NDArray[np.bool_]

    @classmethod
    def of_cloth(cls, cloth: Cloth, apart: tuple[float, float]) -> "ContactMesh":
        """Return that of a cloth whose vertices and triangles, and edges, keep so far apart, metres."""
        vertices, faces, edges = (
            as_leaves(sides.astype(np.uint32), cloth.rest[sides].mean(axis=1))
            for sides in (np.arange(len(cloth.rest))[:, None], cloth.faces, cloth.edges.pairs)
        )
        marked = tangled(cloth.rest, cloth.edges.pairs, cloth.faces)
        crowded = np.ones_like(marked)
        return cls(cloth.rest, vertices, faces, edges, apart, *cloth.near(apart[0]), marked, crowded)


def as_leaves(sides: Corners, places: Points) -> Corners:
    """Return sides as the leaves of a binary tree, in which those at places (n, 3) are near that are near.

    Each half of a node holds half of its sides, on one side of a plane across their longest extent; empty
    leaves are `NO_VERTEX`.
    """
    levels = max(0, len(sides) - 1).bit_length()
    order, nodes = np.arange(len(sides)), np.zeros(len(sides), dtype=np.int64)
    for _ in range(levels):
        _, starts, counts = np.unique(nodes, return_index=True, return_counts=True)
        ordered = places[order]
        extents = np.maximum.reduceat(ordered, starts) - np.minimum.reduceat(ordered, starts)
        along = ordered[np.arange(len(order)), extents.argmax(axis=1).repeat(counts)]
        order = order[np.lexsort((along, nodes))]
        ranks = np.arange(len(order)) - starts.repeat(counts)
        nodes = 2 * nodes + (ranks >= ((counts + 1) // 2).repeat(counts))
    leaves = np.full((1 << levels, sides.shape[1]), NO_VERTEX, dtype=np.uint32)
    leaves[nodes] = sides[order]
    return leaves


class Contacts:
    """The contacts of a cloth in motion.

    Attributes:
        kinds: Pairs of a vertex and a triangle, and pairs of edges, that may come near.
        foreseen: (V, 3) where each vertex would be if it had gone on as it did.
        windows: (V,) metres that each may be from there.
    """

    def __init__(
        self, kernels: ModuleType, cloth: Cloth, apart: tuple[float, float], *, together: bool = False
    ) -> None:
        self._kernels, self._thickness = kernels, apart[0]
        self._passes = PASSES if together else 0
        self._mesh = self._as_at_rest(ContactMesh.of_cloth(cloth, apart))
        self.kinds: Kinds = (Pairs.none(), Pairs.none())
        self.foreseen, self.windows = cloth.rest.copy(), np.full(len(cloth.rest), -1.0)
        self._velocities, self._left = np.zeros_like(cloth.rest), 0.0

    def _as_at_rest(self, mesh: ContactMesh) -> ContactMesh:
        """Return a mesh in which what touches at rest is tangled too, and what is near then is crowded."""
        rest, still, nowhere = mesh.rest, np.zeros_like(mesh.rest), np.zeros(len(mesh.rest))
        everything = np.ones(len(rest), dtype=np.bool_)
        none = (Pairs.none(), Pairs.none())
        kinds = self._kernels.find(rest, still, 0.0, mesh, nowhere, none, everything)
        marked, crowded = mesh.tangled.copy(), np.zeros_like(mesh.crowded)
        for kind in kinds:
            marked[kind.corners[kind.gaps < TOUCHING * self._thickness]] = True
            crowded[kind.corners] = True
        return replace(mesh, tangled=marked, crowded=crowded)

    def look(self, before: Points, ahead: Points, velocities: Points, step: float) -> None:
        """Find pairs anew where a vertex is about to leave its window.

        Args:
            before: (V, 3) where the vertices are.
            ahead: (V, 3) where they will be after the step if nothing stops them.
            velocities: (V, 3) m/s.
            step: Seconds.
        """
        self._left -= step
        missed = self._kernels.missed(before, ahead, self.foreseen, self._velocities, step, self.windows)
        over = self._left < step
        if not over and missed.max() <= 1:
            return
        lost = missed > ANEW
        if over:
            # For all that move, what was foreseen has come to its end.
            lost |= lengths(self._velocities) > 0
            usual = float(np.percentile(lengths(velocities), 90))
            self._left = step + min(LONGEST, FORESEEN * self._thickness / max(usual, 1e-9))
        self._kernels.foresee(
            lost,
            before,
            velocities,
            step,
            self._left,
            WINDOW * self._thickness,
            self.foreseen,
            self.windows,
            self._velocities,
        )
        self.kinds = self._kernels.find(
            self.foreseen - step * self._velocities,
            self._velocities,
            self._left,
            self._mesh,
            self.windows,
            self.kinds,
            lost,
        )

    def hold_back(self, positions: Points, before: Points, step: float) -> None:
        """Cut short the steps (V, 3) of vertices that could pass through something, in place."""
        self._kernels.hold_back(
            positions, before, self.foreseen, self.windows, self._velocities, step, self.kinds, self._passes
        )

    def keep_apart(
        self, positions: Points, before: Points, step: float, inverse_masses: Values, friction: float
    ) -> None:
        """Push sides (V, 3) that are too near apart, in place."""
        self._kernels.keep_apart(
            positions, before, self._velocities, step, inverse_masses, self.kinds, friction
        )

    def go_on(self, positions: Points, before: Points, step: float) -> None:
        """Take down what a step has brought nearer."""
        self._kernels.go_on(positions, before, self._velocities, step, self.kinds)


def lengths(vectors: Points) -> Values:
    """Return the lengths of vectors (n, 3), several times as fast as NumPy's norm along a short axis."""
    x, y, z = vectors.T
    lengths: Values = np.sqrt(x * x + y * y + z * z)
    return lengths
