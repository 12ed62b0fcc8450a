"""Meshes finer than a simulation needs: a coarser one is simulated, and carries the fine one along."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kg.data import Shape
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST, ENOUGH = 6000, 3000
"""A mesh of more vertices is simulated with about so many."""
BORDER = 10.0
"""How much dearer it is to move a border than to move the surface."""
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
        best, chosen = np.full(len(vertices), np.inf), near[:, 0].copy()
        shares = np.full((len(vertices), 3), 1 / 3)
        size = float(np.ptp(coarse.vertices, axis=0).max())
        for triangle in near.T:
            some = _below(vertices, corners[triangle])
            away = np.linalg.norm(np.einsum("vc,vcx->vx", some, corners[triangle]) - vertices, axis=1)
            # What faces the other way is chosen only if nothing else is there.
            away = away + size * ((facing[triangle] * normals).sum(axis=1) < 0)
            nearer = away < best
            best[nearer], chosen[nearer], shares[nearer] = away[nearer], triangle[nearer], some[nearer]
        carried = cls(coarse.faces[chosen], shares, np.zeros_like(vertices))
        left = vertices - carried.at(coarse.vertices)
        frames = _frames(corners[chosen])
        return replace(carried, offsets=np.einsum("vax,vx->va", frames, left))

    def at(self, positions: Points) -> Points:
        """Return where the vertices (V, 3) are when the coarse mesh has these positions (C, 3)."""
        corners = positions[self.triangles]
        places: Points = np.einsum("vc,vcx->vx", self.shares, corners)
        places += np.einsum("va,vax->vx", self.offsets, _frames(corners))
        return places


def coarsened(shape: Shape) -> tuple[Shape, Carried]:
    """Return a mesh with about `ENOUGH` vertices, and what it carries: the vertices of the one given.

    Raises:
        KgError: It falls apart.
    """
    import open3d as o3d

    assert shape.faces is not None
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(shape.vertices), o3d.utility.Vector3iVector(shape.faces)
    )
    wanted = max(1, round(len(shape.faces) * ENOUGH / len(shape.vertices)))
    small = mesh.simplify_quadric_decimation(wanted, boundary_weight=BORDER)
    small.remove_degenerate_triangles()
    small.remove_unreferenced_vertices()
    vertices, faces = np.asarray(small.vertices), np.asarray(small.triangles, dtype=np.int64)
    if len(faces) < 2:
        raise KgError(f"The mesh of {len(shape.vertices)} vertices falls apart when it is made coarser.")
    _, nearest = cKDTree(shape.vertices).query(vertices)
    rest = shape.vertices if shape.rest_positions is None else shape.rest_positions
    coarse = replace(shape, vertices=vertices.copy(), faces=faces, rest_positions=rest[nearest])
    return coarse, Carried.by(coarse, shape.vertices, _normals(shape.vertices, shape.faces))


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
