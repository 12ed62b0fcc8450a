"""From a mesh to what holds it together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Pairs = NDArray[np.int64]
Corners = NDArray[np.uint32]

REACH = 1.6
"""What is nearer than so many thicknesses along the edges may be as near as it is at rest."""


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of vertices with a length to keep, in batches that share no vertex.

    Attributes:
        pairs: (L, 2) vertices.
        rest: (L,) metres.
        ends: Where each batch ends.
    """

    pairs: Pairs
    rest: Values
    ends: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Hinges:
    """Pairs of triangles that share an edge, with a bend to keep, in batches that share no vertex.

    The bend of a hinge is the length of the weighted sum of its four vertices, which is 0 if it is flat
    (Bergou and others, *A Quadratic Bending Model for Inextensible Surfaces*, 2006).

    Attributes:
        corners: (H, 4) vertices: the ends of the edge, then the far corners.
        weights: (H, 4), their cotangents.
        rest: (H,) metres, the bend at rest.
        areas: (H,) m², of the two triangles.
        ends: Where each batch ends.
    """

    corners: Corners
    weights: Values
    rest: Values
    areas: Values
    ends: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cloth:
    """A mesh at rest, and the lengths that it keeps.

    Attributes:
        rest: (V, 3) vertices at rest, metres.
        faces: (F, 3) vertex indices.
        edges: The mesh's edges: they resist stretch and, being triangles, shear.
        hinges: Any two triangles that share an edge: they resist bending.
        areas: (V,) m², the part of the surface that belongs to each vertex.
        edge: Mean length of an edge, metres.
    """

    rest: Points
    faces: Pairs
    edges: Links
    hinges: Hinges
    areas: Values
    edge: float

    @classmethod
    def of_mesh(cls, vertices: Points, faces: Pairs) -> "Cloth":
        """Return the cloth of a mesh (V, 3), (F, 3) as it lies at rest, in metres.

        Raises:
            KgError: A vertex belongs to no face, or a triangle has no area.
        """
        corners = vertices[faces]
        areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        if not areas.min() > 0:
            raise KgError("The mesh has triangles without area.", "Join them first: kg.sim.refine")
        if len(np.unique(faces)) < len(vertices):
            raise KgError("The mesh has vertices that belong to no triangle.")
        pairs, hinges = _edges(faces)
        edges = _links(vertices, pairs)
        return cls(
            rest=np.ascontiguousarray(vertices, dtype=np.float64),
            faces=faces,
            edges=edges,
            hinges=_hinges(vertices, hinges),
            areas=np.asarray(
                np.bincount(faces.ravel(), np.repeat(areas / 6, 3), len(vertices)), dtype=np.float64
            ),
            edge=float(edges.rest.mean()),
        )

    def sewn(self) -> Values:
        """Return the length of hem and seam that belongs to each vertex, (V,) metres.

        Hems lie along borders; seams along edges at which the mesh is folded at rest, as where a front meets
        a back. Half of an edge belongs to each of its ends.
        """
        ends, triangles = np.unique(_sides(self.faces), axis=0, return_counts=True)
        a, b, c, d = np.moveaxis(self.rest[self.hinges.corners], 1, 0)
        along = (b - a) / np.linalg.norm(b - a, axis=1, keepdims=True)
        one, other = (way - (way * along).sum(axis=1, keepdims=True) * along for way in (c - a, d - a))
        folded = self.hinges.corners[(one * other).sum(axis=1) > 0, :2]
        ends = np.concatenate([ends[triangles == 1], folded])
        lengths = np.linalg.norm(self.rest[ends[:, 0]] - self.rest[ends[:, 1]], axis=1)
        return np.asarray(np.bincount(ends.ravel(), np.repeat(lengths / 2, 2), len(self.rest)), np.float64)

    def near(self, thickness: float) -> tuple[Pairs, Pairs]:
        """Return the neighbours that may come nearer than the thickness, as they are at rest.

        Those of a vertex are the ends of its edges, and what is within `REACH` thicknesses along the edges. A
        row a vertex, as (V + 1,) starts and (n,) neighbours.
        """
        rows = _neighbourhoods(self.edges, len(self.rest), REACH * thickness)
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        return starts, np.array([vertex for row in rows for vertex in row], dtype=np.int64)


def _edges(faces: Pairs) -> tuple[Pairs, Pairs]:
    """Return every edge once, (E, 2), and those between two triangles with their far corners, (H, 4)."""
    ends, far = _sides(faces), np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    order = np.lexsort((far, ends[:, 1], ends[:, 0]))
    ends, far = ends[order], far[order]
    same = (ends[1:] == ends[:-1]).all(axis=1)
    edges = ends[np.concatenate([[True], ~same])]
    hinges = np.concatenate([ends[1:][same], far[:-1][same][:, None], far[1:][same][:, None]], axis=1)
    return edges, hinges[hinges[:, 2] != hinges[:, 3]]


def _sides(faces: Pairs) -> Pairs:
    """Return the ends, (3 F, 2), the lower number first, of all first sides, all second ones, all third."""
    return np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)


def _links(vertices: Points, pairs: Pairs) -> Links:
    colours = _colours(pairs, len(vertices))
    order = np.argsort(colours, kind="stable")
    pairs = np.ascontiguousarray(pairs[order])
    return Links(
        pairs,
        np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1),
        tuple(np.bincount(colours).cumsum().tolist()),
    )


def _hinges(vertices: Points, corners: Pairs) -> Hinges:
    colours = _colours(corners, len(vertices))
    corners = np.ascontiguousarray(corners[np.argsort(colours, kind="stable")])
    a, b, c, d = np.moveaxis(vertices[corners], 1, 0)
    ac, bc, ad, bd = (
        _cotangent(b - a, c - a),
        _cotangent(a - b, c - b),
        _cotangent(b - a, d - a),
        _cotangent(a - b, d - b),
    )
    weights = np.stack([bc + bd, ac + ad, -ac - bc, -ad - bd], axis=1)
    doubled = np.linalg.norm(np.cross(b - a, c - a), axis=1) + np.linalg.norm(np.cross(b - a, d - a), axis=1)
    return Hinges(
        corners.astype(np.uint32),
        weights,
        np.linalg.norm((weights[:, :, None] * vertices[corners]).sum(axis=1), axis=1),
        doubled / 2,
        tuple(np.bincount(colours).cumsum().tolist()),
    )


def _cotangent(first: Points, second: Points) -> Values:
    """Return the cotangents of the angles between vectors (n, 3)."""
    cotangent: Values = (first * second).sum(axis=1) / np.linalg.norm(np.cross(first, second), axis=1)
    return cotangent


def _colours(groups: Pairs, count: int) -> Pairs:
    """Return a number for each group of vertices, the lowest that none before with a common vertex has."""
    used = [0] * count
    colours = []
    for group in groups.tolist():
        taken = 0
        for vertex in group:
            taken |= used[vertex]
        free = ~taken & (taken + 1)
        for vertex in group:
            used[vertex] |= free
        colours.append(free.bit_length() - 1)
    return np.array(colours, dtype=np.int64)


def _neighbourhoods(edges: Links, count: int, reach: float) -> list[list[int]]:
    """Return the vertices beside each vertex or within `reach` of it along the edges, in order."""
    beside: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for (first, second), length in zip(edges.pairs.tolist(), edges.rest.tolist(), strict=True):
        beside[first].append((second, length))
        beside[second].append((first, length))
    neighbourhoods = []
    for start in range(count):
        nearest = {start: 0.0}
        waiting = [start]
        while waiting:
            vertex = waiting.pop()
            for other, length in beside[vertex]:
                way = nearest[vertex] + length
                if way < min(reach, nearest.get(other, np.inf)):
                    nearest[other] = way
                    waiting.append(other)
        nearest.update(beside[start])
        del nearest[start]
        neighbourhoods.append(sorted(nearest))
    return neighbourhoods
