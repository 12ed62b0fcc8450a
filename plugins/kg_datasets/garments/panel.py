"""Even triangle meshes of plane outlines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import distance_to

SMOOTHING = 8
"""Rounds in which each inner point moves to the middle of its neighbours."""

CLEARANCE = 0.65
"""Least distance of an inner point from the outline, in edges."""

Points = NDArray[np.float64]
Faces = NDArray[np.int64]


def triangulate(borders: Sequence[Points], edge: float) -> tuple[Points, Faces]:
    """Return an even mesh inside a closed outline, outside its holes.

    Args:
        borders: The outline's corners (B, 2), anticlockwise, about `edge` apart; then each hole's,
            clockwise. They become the mesh's border.
        edge: Length aimed at for the edges inside.

    Returns:
        Points (V, 2), the borders' first, in their order; faces (F, 3), anticlockwise.

    Raises:
        ValueError: A border comes so near to itself or another that its edges are not all in the mesh.
    """
    start = np.concatenate(borders)
    border = len(start)
    after = _after([len(part) for part in borders])
    end = start[after]
    points = np.concatenate([start, _inside(start, end, edge)])
    faces = _fill(points, start, end)
    if not _has_border(faces, after):
        raise ValueError("The outline comes too near to itself for its edge length.")
    _smooth(points, faces, border)
    return points, faces


def _after(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return the number of the point that follows each on its border, (B,)."""
    after = np.arange(1, sum(lengths) + 1)
    last = np.cumsum(lengths)
    after[last - 1] = last - lengths
    return after


def _inside(start: Points, end: Points, edge: float) -> Points:
    """Return a lattice of equilateral triangles within the borders' edges, clear of them."""
    low, high = start.min(axis=0), start.max(axis=0)
    rows = np.arange(low[1], high[1], edge * np.sqrt(3) / 2)
    columns = np.arange(low[0], high[0], edge)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += edge / 2
    lattice = np.stack([x.ravel(), y.ravel()], axis=1)
    lattice = lattice[_contains(start, end, lattice)]
    marks = np.concatenate([start, (start + end) / 2])
    return lattice[distance_to(marks, lattice) > CLEARANCE * edge]


def _contains(start: Points, end: Points, points: Points) -> NDArray[np.bool_]:
    """Return which points (M, 2) lie inside: a ray to the right crosses an odd number of edges."""
    # A lattice has many points on each level, and few edges cross a level.
    levels, level = np.unique(points[:, 1], return_inverse=True)
    y = levels[:, None]
    spans = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(start[:, 1] == end[:, 1], 1.0, end[:, 1] - start[:, 1])
    crossing = np.where(spans, start[:, 0] + (y - start[:, 1]) / rise * (end[:, 0] - start[:, 0]), -np.inf)
    most = int(spans.sum(axis=1).max(initial=0))
    crossing = np.sort(crossing, axis=1)[:, len(start) - most :]
    odd: NDArray[np.bool_] = (crossing[level] > points[:, :1]).sum(axis=1) % 2 == 1
    return odd


def _fill(points: Points, start: Points, end: Points) -> Faces:
    """Return the Delaunay triangles inside the borders, whose corners are the first points."""
    faces = _delaunay(points)
    # A triangle with an inner point lies inside; one between three border points may bridge a gap.
    doubtful = np.flatnonzero((faces < len(start)).all(axis=1))
    outside = ~_contains(start, end, points[faces[doubtful]].mean(axis=1))
    return np.delete(faces, doubtful[outside], axis=0)


def _delaunay(points: Points) -> Faces:
    # VTK comes with pyvista, and these of its modules, unlike pyvista, load without a graphics library.
    # scipy's Delaunay gives other triangles where four points lie on a circle, so another garment.
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkDelaunay2D

    flat = np.concatenate([points, np.zeros((len(points), 1))], axis=1)
    vertices = vtkPoints()
    vertices.SetData(numpy_to_vtk(flat, deep=True))
    cloud = vtkPolyData()
    cloud.SetPoints(vertices)
    mesher = vtkDelaunay2D()
    mesher.SetInputData(cloud)
    mesher.Update()
    corners = vtk_to_numpy(mesher.GetOutput().GetPolys().GetConnectivityArray())
    faces: Faces = corners.reshape(-1, 3).astype(np.int64)
    a, b, c = np.moveaxis(points[faces], 1, 0)
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] < (b - a)[:, 1] * (c - a)[:, 0]
    faces[clockwise] = faces[clockwise][:, ::-1]
    return faces


def _smooth(points: Points, faces: Faces, border: int) -> None:
    """Move each inner point, in place, to the middle of its neighbours, again and again."""
    corners = faces.ravel()
    twice = 2 * np.bincount(corners, minlength=len(points))
    for _ in range(SMOOTHING):
        for axis in (0, 1):
            at = points[faces, axis]
            others = at.sum(axis=1, keepdims=True) - at
            total = np.bincount(corners, others.ravel(), minlength=len(points))
            points[border:, axis] = total[border:] / twice[border:]


def _has_border(faces: Faces, after: NDArray[np.int64]) -> bool:
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    on_border = start < len(after)
    start, end = start[on_border], end[on_border]
    return len(np.unique(start[end == after[start]])) == len(after)
