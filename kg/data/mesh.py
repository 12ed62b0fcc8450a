"""Polygon meshes as files have them, and the way to triangles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.data.shape import Shape
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]


def _no_indices() -> Indices:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices and polygons in the file's own order; a cloud where there are no polygons.

    Attributes:
        vertices: (V, 3) float64.
        corners: (C,) int64: vertex index of every corner, polygon after polygon.
        sizes: (P,) int64: number of corners of every polygon, adding up to C.

    Raises:
        KgError: A polygon has fewer than three corners or points at no vertex.
    """

    vertices: Points
    corners: Indices
    sizes: Indices

    def __post_init__(self) -> None:
        if not len(self.sizes):
            return
        if self.sizes.min() < 3:
            raise KgError(f"A face has {self.sizes.min()} corners; it takes three.")
        outside = self.corners[(self.corners < 0) | (self.corners >= len(self.vertices))]
        if len(outside):
            raise KgError(
                f"A face points at vertex {outside[0]} (counted from 0), there are {len(self.vertices)}."
            )

    @classmethod
    def of_polygons(cls, vertices: Points, polygons: list[list[int]]) -> "Mesh":
        """Return the mesh of polygons given as lists of vertex indices."""
        sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
        corners = np.array([corner for polygon in polygons for corner in polygon], dtype=np.int64)
        return cls(vertices, corners, sizes)

    @classmethod
    def of_triangles(cls, vertices: Points, faces: Indices) -> "Mesh":
        """Return the mesh of triangles (F, 3)."""
        return cls(vertices, faces.reshape(-1), np.full(len(faces), 3, dtype=np.int64))

    @classmethod
    def of_cloud(cls, points: Points) -> "Mesh":
        """Return a cloud: vertices without polygons."""
        return cls(points, _no_indices(), _no_indices())

    @property
    def is_cloud(self) -> bool:
        """Whether there are no polygons."""
        return len(self.sizes) == 0

    @property
    def is_soup(self) -> bool:
        """Whether no two polygons share a vertex, as in every STL file: its indices then say nothing."""
        return len(np.unique(self.corners)) == len(self.corners)

    def has_topology_of(self, other: "Mesh") -> bool:
        """Whether vertex i here is the same place as vertex i there, as in two poses of one mesh.

        Equal polygons over as many vertices are taken as the proof; clouds and soups have none to give.
        """
        return (
            not self.is_cloud
            and not self.is_soup
            and len(self.vertices) == len(other.vertices)
            and np.array_equal(self.sizes, other.sizes)
            and np.array_equal(self.corners, other.corners)
        )

    def triangles(self) -> Indices:
        """Return the triangles (F, 3) that cover the polygons, F = C - 2 P.

        A polygon is cut into a fan from its first corner; one that is too concave for it loses one ear
        after the other.
        """
        starts = np.cumsum(self.sizes) - self.sizes
        parts = [np.empty((0, 3), dtype=np.int64)]
        for size in np.unique(self.sizes):
            polygons = self.corners[starts[self.sizes == size][:, None] + np.arange(size)]
            fans = np.stack(
                [np.c_[polygons[:, 0], polygons[:, k : k + 2]] for k in range(1, size - 1)], axis=1
            )
            for number in np.flatnonzero(_flipped(self.vertices[fans])):
                fans[number] = _cut_ears(polygons[number], self.vertices)
            parts.append(fans.reshape(-1, 3))
        return np.concatenate(parts)

    def shape(self, rest_positions: Points | None = None) -> Shape:
        """Return the cloud or triangle mesh, checked (see `Shape`)."""
        faces = None if self.is_cloud else self.triangles()
        return Shape(self.vertices, faces, rest_positions=rest_positions)


def weld(mesh: Mesh, tolerance: float) -> Mesh:
    """Return the mesh with vertices that lie within `tolerance` of each other made one.

    Closeness is passed on, so a row of vertices each within the tolerance of the next becomes one; the
    tolerance therefore has to be well below the length of an edge. The first vertex of a group keeps its
    place. Polygons that lose a corner too many disappear.
    """
    group = groups(mesh.vertices, tolerance)
    kept, index = np.unique(group, return_inverse=True)
    polygons = []
    for polygon in np.split(index[mesh.corners], np.cumsum(mesh.sizes)[:-1]):
        # A corner that fell onto its neighbour goes; the last one's neighbour is the first.
        corners = polygon[polygon != np.roll(polygon, 1)]
        if len(np.unique(corners)) >= 3:
            polygons.append(corners.tolist())
    return Mesh.of_polygons(mesh.vertices[kept], polygons)


def groups(vertices: Points, tolerance: float) -> Indices:
    """Return for each vertex (V, 3) the lowest index among those that it is one with, (V,).

    Those are the vertices within `tolerance` of it, those within the tolerance of these, and so on.
    """
    axis = int(np.argmax(np.ptp(vertices, axis=0)))
    order = np.argsort(vertices[:, axis], kind="stable")
    placed = vertices[order]
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, len(placed)):
        near = placed[step:, axis] - placed[:-step, axis] <= tolerance
        if not near.any():
            break
        first = np.flatnonzero(near)
        close = np.linalg.norm(placed[first + step] - placed[first], axis=1) <= tolerance
        pairs.append(np.stack([order[first[close]], order[first[close] + step]], axis=1))
    edges = np.concatenate(pairs)
    group = np.arange(len(vertices))
    while True:
        lowest = group.copy()
        np.minimum.at(lowest, edges[:, 0], group[edges[:, 1]])
        np.minimum.at(lowest, edges[:, 1], group[edges[:, 0]])
        if np.array_equal(lowest, group):
            return group
        group = lowest


def _flipped(fans: Points) -> NDArray[np.bool_]:
    """Return which fans (n, T, 3, 3) have a triangle that faces away from the polygon, (n,)."""
    normals = np.cross(fans[:, :, 1] - fans[:, :, 0], fans[:, :, 2] - fans[:, :, 0])
    return np.asarray((np.einsum("ntd,nd->nt", normals, normals.sum(axis=1)) < 0).any(axis=1))


def _cut_ears(polygon: Indices, vertices: Points) -> Indices:
    """Return the triangles (n - 2, 3) of a simple polygon (n,) by cutting one ear at a time."""
    flat = _flatten(vertices[polygon])
    left, cut = list(range(len(polygon))), []
    while len(left) > 3:
        # A polygon that crosses itself may have no ear: its first corner goes then.
        ear = next((i for i in range(len(left)) if _is_ear(i, left, flat)), 0)
        cut.append([left[ear - 1], left[ear], left[(ear + 1) % len(left)]])
        del left[ear]
    triangles: Indices = polygon[np.array([*cut, left])]
    return triangles


def _flatten(corners: Points) -> Points:
    """Return a polygon (n, 3) seen along its normal, (n, 2), counter-clockwise."""
    around = corners - corners.mean(axis=0)
    normal = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)
    away = int(np.argmax(np.abs(normal)))
    axes = [(away + 1) % 3, (away + 2) % 3]
    flat: Points = around[:, axes if normal[away] > 0 else axes[::-1]]
    return flat


def _is_ear(place: int, left: list[int], flat: Points) -> bool:
    a, b, c = left[place - 1], left[place], left[(place + 1) % len(left)]
    if _turn(flat[a], flat[b], flat[c]) <= 0:
        return False
    others = flat[[i for i in left if i not in (a, b, c)]]
    inside = (
        (_turn(flat[a], flat[b], others) >= 0)
        & (_turn(flat[b], flat[c], others) >= 0)
        & (_turn(flat[c], flat[a], others) >= 0)
    )
    return not inside.any()


def _turn(a: Points, b: Points, c: Points) -> Points:
    """Return twice the signed area of the triangles a, b, c; c may be (n, 2)."""
    turn: Points = (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])
    return turn
