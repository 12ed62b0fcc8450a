"""Meshes as people have them made fit to be cloth: without seams of zero width, and fine enough."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.data import Shape
from kg.data.mesh import groups
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

VERTICES = 2500
"""About so many are enough for the folds of a garment."""
LONGEST = 1.6
"""An edge longer than so many edges of an even mesh of so many vertices is split."""
TOGETHER = 1e-5
"""Vertices nearer than this share of the mesh's size are one."""


def refine(shape: Shape, coarse: float = 1.0) -> Shape:
    """Return a mesh whose vertices that lie in one place are joined and whose long edges are split.

    A vertex keeps its place and its rest positions, or gets those of its place if it had none; a new
    one is half way between two. Short edges stay as they are.

    Args:
        shape: The mesh.
        coarse: Edges may be so many times as long as usual.

    Raises:
        KgError: It has no area.
    """
    rest = shape.vertices if shape.rest_positions is None else shape.rest_positions
    joined = _join(replace(shape, rest_positions=rest))
    assert joined.faces is not None
    assert joined.rest_positions is not None
    values, faces = np.concatenate([joined.vertices, joined.rest_positions], axis=1), joined.faces
    longest = coarse * LONGEST * np.sqrt(_areas(joined.vertices, faces).sum() / (np.sqrt(0.75) * VERTICES))
    while True:
        finer, finer_faces = _split(values, faces, longest)
        if len(finer) == len(values):
            break
        values, faces = finer, finer_faces
    return replace(joined, vertices=values[:, :3], faces=faces, rest_positions=values[:, 3:])


def _areas(vertices: Points, faces: Indices) -> Points:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    areas: Points = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return areas


def _join(shape: Shape) -> Shape:
    """Return the shape with one vertex a place, without triangles that have no area."""
    assert shape.faces is not None
    assert shape.rest_positions is not None
    # Vertices of no triangle, which may lie anywhere, are no part of it.
    size = float(np.ptp(shape.vertices[shape.faces], axis=(0, 1)).max())
    if not size > 0:
        raise KgError("The mesh has no area: all its vertices lie in one place.")
    faces = groups(shape.vertices, TOGETHER * size)[shape.faces]
    faces = faces[_areas(shape.vertices, faces) > (TOGETHER * size) ** 2]
    if not len(faces):
        raise KgError("The mesh has no area: all its triangles are degenerate.")
    used, number = np.unique(faces, return_inverse=True)
    return replace(
        shape,
        vertices=shape.vertices[used],
        faces=number.reshape(-1, 3),
        rest_positions=shape.rest_positions[used],
    )


def _split(values: Points, faces: Indices, longest: float) -> tuple[Points, Indices]:
    """Return vertices and faces with every edge halved that is too long, and no gaps."""
    sides = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    edges, number = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
    lengths = np.linalg.norm(values[edges[:, 0], :3] - values[edges[:, 1], :3], axis=1)
    halved = lengths > longest
    middle = np.full(len(edges), -1)
    middle[halved] = len(values) + np.arange(halved.sum())
    middles = middle[number.ravel()].reshape(-1, 3)
    order = lengths[number.ravel()].reshape(-1, 3)
    made = [faces[(middles < 0).all(axis=1)]]
    for face, between, length in zip(faces, middles, order, strict=True):
        if (between >= 0).any():
            made.append(_pieces(face.tolist(), between.tolist(), int(length.argmax())))
    return np.concatenate([values, values[edges[halved]].mean(axis=1)]), np.concatenate(made)


def _pieces(face: list[int], between: list[int], longest: int) -> Indices:
    """Return the triangles of a face cut at the middles of some sides, -1 where a side stays whole."""
    # Its longest side, which is cut if any is, goes from a to b.
    a, b, c = (face[(longest + k) % 3] for k in range(3))
    ab, bc, ca = (between[(longest + k) % 3] for k in range(3))
    pieces = [[a, ab, c]] if ca < 0 else [[a, ab, ca], [ab, c, ca]]
    pieces += [[ab, b, c]] if bc < 0 else [[ab, b, bc], [ab, bc, c]]
    return np.array(pieces)
