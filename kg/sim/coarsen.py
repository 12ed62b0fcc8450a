"""Meshes finer than a simulation needs: a coarser one is simulated, and carries the fine one along."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from kg.data import Shape
from kg.data.sample import farthest_points
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST, ENOUGH = 6000, 3000
"""A mesh of more vertices is simulated with about so many."""
LAYERS = 5.0
"""Edges of the coarse mesh by which the outside of a layer counts as away from it."""
FLAT = 0.02
"""Triangles of less than half so many squared edges are left out: they lie along a border."""
CANDIDATES = 24
"""Triangles around a vertex among which the one that carries it is chosen."""


@dataclass(frozen=True, eq=False)
class Carried:
    """Vertices that a coarser mesh carries along, each fixed to the frame of one of its triangles.

    Attributes:
        triangles: (V, 3) vertices of the coarse mesh.
        shares: (V, 3) of its corners in the place below each.
        offsets: (V, 3) from there, along the triangle's first side, across it, and upright.
    """

    triangles: Indices
    shares: Points
    offsets: Points

    @classmethod
    def by(cls, coarse: Shape, vertices: Points, normals: Points) -> "Carried":
        """Return vertices (V, 3), which have normals (V, 3), carried by a coarse mesh as both lie now.

        Of the triangles around a vertex it is the nearest one that faces the same way: not that of another
        layer.
        """
        assert coarse.faces is not None
        corners = coarse.vertices[coarse.faces]
        count = min(CANDIDATES, len(corners))
        _, near = cKDTree(corners.mean(axis=1)).query(vertices, k=count)
        near = near.reshape(len(vertices), count)
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        best, nearest_faces = np.full(len(vertices), np.inf), near[:, 0].copy()
        shares = np.full((len(vertices), 3), 1 / 3)
        size = float(np.ptp(coarse.vertices, axis=0).max())
        for triangle in near.T:
            some = _below(vertices, corners[triangle])
            away = np.linalg.norm(np.einsum("vc,vcx->vx", some, corners[triangle]) - vertices, axis=1)
            # What faces the other way is chosen only if nothing else is there.
            away = away + size * ((facing[triangle] * normals).sum(axis=1) < 0)
            nearer = away < best
            best[nearer], nearest_faces[nearer], shares[nearer] = away[nearer], triangle[nearer], some[nearer]
        carried = cls(coarse.faces[nearest_faces], shares, np.zeros_like(vertices))
        left = vertices - carried.at(coarse.vertices)
        frames = _frames(corners[nearest_faces])
        return replace(carried, offsets=np.einsum("vax,vx->va", frames, left))

    def at(self, positions: Points) -> Points:
        """Return where the vertices (V, 3) are when the coarse mesh has these positions (C, 3)."""
        corners = positions[self.triangles]
        places: Points = np.einsum("vc,vcx->vx", self.shares, corners)
        places += np.einsum("va,vax->vx", self.offsets, _frames(corners))
        return places


def coarsened(shape: Shape, enough: int = ENOUGH) -> tuple[Shape, Carried]:
    """Return a mesh with about so many vertices, and what it carries: the vertices of the one given.

    Some of the vertices, evenly spread, are kept. Each of the others belongs to the nearest of them along the
    surface, and where three such regions meet is a triangle of the coarse mesh: layers are never joined.

    Raises:
        KgError: It falls apart.
    """
    assert shape.faces is not None
    vertices, faces = shape.vertices, shape.faces
    normals = _normals(vertices, faces)
    upright = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    edge = np.sqrt(np.linalg.norm(normals, axis=1).sum() / 3 / np.sqrt(0.75) / enough)
    # Both layers of a garment are to have their share, so they are looked at as if they lay far apart.
    kept = farthest_points(vertices + LAYERS * edge * upright, enough)
    nearest = _regions(vertices, faces, kept)[faces]
    meeting = nearest[(nearest >= 0).all(axis=1) & (nearest != np.roll(nearest, 1, axis=1)).all(axis=1)]
    _, first = np.unique(np.sort(meeting, axis=1), axis=0, return_index=True)
    triangles = kept[meeting[np.sort(first)]]
    corners = vertices[triangles]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles = triangles[np.linalg.norm(facing, axis=1) > FLAT * edge**2]
    if len(triangles) < 2:
        raise KgError(f"The mesh of {len(vertices)} vertices falls apart when it is made coarser.")
    used, number = np.unique(triangles, return_inverse=True)
    rest = vertices if shape.rest_positions is None else shape.rest_positions
    coarse = replace(shape, vertices=vertices[used], faces=number.reshape(-1, 3), rest_positions=rest[used])
    return coarse, Carried.by(coarse, vertices, normals)


def _regions(vertices: Points, faces: Indices, kept: Indices) -> Indices:
    """Return which of the kept vertices (K,) is nearest to each (V,) along the edges; -1 where none is."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    lengths = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    graph = coo_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(vertices),) * 2).tocsr()
    _, _, sources = dijkstra(graph, directed=False, indices=kept, min_only=True, return_predecessors=True)
    numbers = np.full(len(vertices) + 1, -1)
    numbers[kept] = np.arange(len(kept))
    regions: Indices = numbers[np.where(sources < 0, len(vertices), sources)]
    return regions


def _below(places: Points, corners: Points) -> Points:
    """Return the shares (n, 3) of corners (n, 3, 3) in the places that lie below others (n, 3)."""
    u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], places - corners[:, 0]
    uu, uv, vv, wu, wv = ((a * b).sum(axis=1) for a, b in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    total = np.maximum(uu * vv - uv * uv, 1e-300)
    second, third = (vv * wu - uv * wv) / total, (uu * wv - uv * wu) / total
    shares = np.stack([1 - second - third, second, third], axis=1).clip(0, None)
    inside: Points = shares / shares.sum(axis=1, keepdims=True)
    return inside


def _frames(corners: Points) -> Points:
    """Return orthonormal axes (n, 3, 3) of triangles (n, 3, 3): along a side, across it, upright."""
    along = corners[:, 1] - corners[:, 0]
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-300)
    upright = np.cross(along, corners[:, 2] - corners[:, 0])
    upright = upright / np.maximum(np.linalg.norm(upright, axis=1, keepdims=True), 1e-300)
    return np.stack([along, np.cross(upright, along), upright], axis=1)


def _normals(vertices: Points, faces: Indices) -> Points:
    """Return the normals of vertices (V, 3), of any length, from the triangles around each."""
    corners = vertices[faces]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], facing)
    return normals
