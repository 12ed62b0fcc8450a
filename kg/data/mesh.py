"""Polygon meshes as files have them, and the way to triangles."""

from dataclasses import dataclass

import mapbox_earcut
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from kg.data.shape import Shape
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST_CUTTING = 5e8
"""Sum of the squared sizes of concave polygons. Cutting the worst of that takes five seconds."""
CROWDED = 1000
"""Vertices within the tolerance of each, on average, that are still welded."""


def _no_indices() -> Indices:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices and polygons in the file's own order; a cloud where there are no polygons.

    Attributes:
        vertices: (V, 3) float64.
        corners: (C,) int64: vertex index of every corner, polygon after polygon.
        sizes: (P,) int64: number of corners of every polygon, adding up to C.
        notes: What of the file is left out, one sentence each.

    Raises:
        KgError: A polygon has fewer than three corners or points at no vertex.
    """

    vertices: Points
    corners: Indices
    sizes: Indices
    notes: tuple[str, ...] = ()

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
    def of_corners(cls, vertices: Points, corners: Indices, sizes: Indices) -> "Mesh":
        """Return the mesh of a file; faces of fewer than three corners are left out, with a note.

        Raises:
            KgError: No face has three corners, though there are faces; or one points at no vertex.
        """
        whole: NDArray[np.bool_] = np.asarray(sizes >= 3)
        if whole.all():
            return cls(vertices, corners, sizes)
        if not whole.any():
            raise KgError(f"None of its {len(sizes)} faces has three corners.")
        note = f"{(~whole).sum()} of {len(sizes)} faces have fewer than three corners and are left out."
        return cls(vertices, corners[np.repeat(whole, sizes)], sizes[whole], (note,))

    @classmethod
    def of_polygons(cls, vertices: Points, polygons: list[list[int]]) -> "Mesh":
        """Return the mesh of polygons given as lists of vertex indices (see `of_corners`)."""
        sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
        try:
            corners = np.array([corner for polygon in polygons for corner in polygon], dtype=np.int64)
        except OverflowError as error:
            raise KgError(f"A face points at no vertex of {len(vertices)}.") from error
        return cls.of_corners(vertices, corners, sizes)

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
        """Return the triangles (F, 3) that cover the polygons, at most C - 2 P.

        A polygon is cut into a fan from its first corner; one that is too concave for it, or has a hole
        that a bridge joins to its outline, is cut by mapbox_earcut. Of that, corners on a straight line
        get no triangle.

        Raises:
            KgError: The concave polygons are so large that cutting them would take long.
        """
        starts = np.cumsum(self.sizes) - self.sizes
        triangles = [np.empty((0, 3), dtype=np.int64)]
        cutting = 0
        for size in np.unique(self.sizes):
            polygons = self.corners[starts[self.sizes == size][:, None] + np.arange(size)]
            following = np.stack([polygons[:, 1:-1], polygons[:, 2:]], axis=2)
            first = np.broadcast_to(polygons[:, :1, None], (len(polygons), size - 2, 1))
            fans = np.concatenate([first, following], axis=2)
            concave = _flipped(self.vertices[fans])
            cutting += int(concave.sum()) * int(size) ** 2
            if cutting > MOST_CUTTING:
                raise KgError(f"Its concave faces are too large to be cut: one has {size} corners.")
            triangles.append(fans[~concave].reshape(-1, 3))
            triangles += [_cut(polygon, self.vertices) for polygon in polygons[concave]]
        return np.concatenate(triangles)

    def shape(self, rest_positions: Points | None = None) -> Shape:
        """Return the cloud or triangle mesh, checked (see `Shape`).

        Vertices that are NaN or infinite are left out, and the polygons at them, with a note.

        Args:
            rest_positions: (V, 3) rest positions of the vertices, or None.
        """
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(self.vertices).all(axis=1))
        if finite.all():
            faces = None if self.is_cloud else self.triangles()
            return Shape(self.vertices, faces, rest_positions=rest_positions, notes=self.notes)
        if not finite.any():
            raise KgError(f"All {len(finite)} vertices are NaN or infinite.")
        whole = finite[self.corners]
        kept = np.bincount(np.repeat(np.arange(len(self.sizes)), self.sizes), whole) == self.sizes
        if not self.is_cloud and not kept.any():
            raise KgError("Every face has a vertex that is NaN or infinite.")
        corners = (np.cumsum(finite) - 1)[self.corners[np.repeat(kept, self.sizes)]]
        note = f"{(~finite).sum()} of {len(finite)} vertices are NaN or infinite and left out."
        mesh = Mesh(self.vertices[finite], corners, self.sizes[kept], (*self.notes, note))
        return mesh.shape(None if rest_positions is None else rest_positions[finite])


def weld(mesh: Mesh, tolerance: float) -> Mesh:
    """Return the mesh with vertices that lie within `tolerance` of each other made one.

    Closeness is passed on, so a row of vertices each within the tolerance of the next becomes one; the
    tolerance therefore has to be well below the length of an edge. The first vertex of a group keeps its
    place. Polygons that lose a corner too many disappear.
    """
    group = groups(mesh.vertices, tolerance)
    kept, index = np.unique(group, return_inverse=True)
    corners, of = index[mesh.corners], np.repeat(np.arange(len(mesh.sizes)), mesh.sizes)
    # A corner that fell onto the one before it goes; the one before the first is the last.
    before = np.arange(len(corners)) - 1
    ends = np.cumsum(mesh.sizes)
    before[ends - mesh.sizes] = ends - 1
    stays = corners != corners[before]
    corners, of = corners[stays], of[stays]
    # A polygon needs three places, not just three corners.
    places = np.unique(np.stack([of, corners]), axis=1)[0]
    stays = (np.bincount(places, minlength=len(mesh.sizes)) >= 3)[of]
    _, sizes = np.unique(of[stays], return_counts=True)
    return Mesh(mesh.vertices[kept], corners[stays], sizes, mesh.notes)


def groups(vertices: Points, tolerance: float) -> Indices:
    """Return for each vertex (V, 3) the lowest index among those that it is one with, (V,).

    Those are the vertices within `tolerance` of it, those within the tolerance of these, and so on.

    Raises:
        KgError: So many vertices lie within the tolerance of each other that it cannot be meant.
    """
    # Of vertices in one place the first stands for all: the sort is stable.
    order = np.lexsort(vertices.T)
    new = np.append(True, (np.diff(vertices[order], axis=0) != 0).any(axis=1))
    first, place = order[new], np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    places = vertices[first]
    tree = cKDTree(places)
    # Counting takes no memory, whatever the tolerance is to the distances of the vertices.
    if tree.count_neighbors(tree, tolerance) > CROWDED * len(places):
        raise KgError(
            f"The vertices are too close to be welded: over {CROWDED} lie within {tolerance:.2g} of each.",
            "Scale the mesh, or take away a vertex that lies far from all others.",
        )
    pairs = tree.query_pairs(tolerance, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), dtype=bool), pairs.T), shape=(len(places), len(places)))
    count, label = connected_components(graph, directed=False)
    lowest = np.full(count, len(vertices))
    np.minimum.at(lowest, label, first)
    group: Indices = lowest[label][place]
    return group


def _flipped(fans: Points) -> NDArray[np.bool_]:
    """Return which fans (n, T, 3, 3) have a triangle that faces away from the polygon, (n,)."""
    normals = np.cross(fans[:, :, 1] - fans[:, :, 0], fans[:, :, 2] - fans[:, :, 0])
    return np.asarray((np.einsum("ntd,nd->nt", normals, normals.sum(axis=1)) < 0).any(axis=1))


def _cut(polygon: Indices, vertices: Points) -> Indices:
    """Return triangles (n, 3) that cover a polygon (m,), facing as it does."""
    flat = _flatten(vertices[polygon])
    corners = mapbox_earcut.triangulate_float64(flat, np.array([len(flat)], dtype=np.uint32))
    triangles = corners.reshape(-1, 3).astype(np.int64)
    a, b, c = np.moveaxis(flat[triangles], 1, 0)
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] < (b - a)[:, 1] * (c - a)[:, 0]
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    cut: Indices = polygon[triangles]
    return cut


def _flatten(corners: Points) -> Points:
    """Return a polygon (n, 3) seen along its normal, (n, 2), counter-clockwise."""
    around = corners - corners.mean(axis=0)
    normal = np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)
    away = int(np.argmax(np.abs(normal)))
    axes = [(away + 1) % 3, (away + 2) % 3]
    flat: Points = np.ascontiguousarray(around[:, axes if normal[away] > 0 else axes[::-1]])
    return flat
