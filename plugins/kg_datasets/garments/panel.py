"""Even triangle meshes of plane outlines."""

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 8
"""Rounds in which each inner point moves to the middle of its neighbours."""

CLEARANCE = 0.65
"""Least distance of an inner point from the outline, in edges."""

Points = NDArray[np.float64]
Faces = NDArray[np.int64]


def triangulate(outline: Points, edge: float) -> tuple[Points, Faces]:
    """Return an even mesh inside a closed outline.

    Args:
        outline: (B, 2) corners, anticlockwise, about `edge` apart; they become the mesh's border.
        edge: Length aimed at for the edges inside.

    Returns:
        Points (V, 2), the outline's first, in their order; faces (F, 3), anticlockwise.

    Raises:
        ValueError: The outline comes so near to itself that its edges are not all in the mesh.
    """
    points = np.concatenate([outline, _inside(outline, edge)])
    border = len(outline)
    faces = _fill(points, outline)
    if not _has_border(faces, border):
        raise ValueError("The outline comes too near to itself for its edge length.")
    for _ in range(SMOOTHING):
        points[border:] = _middle_of_neighbours(points, faces)[border:]
    return points, faces


def _inside(outline: Points, edge: float) -> Points:
    """Return a lattice of equilateral triangles within the outline, clear of it."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    rows = np.arange(low[1], high[1], edge * np.sqrt(3) / 2)
    columns = np.arange(low[0], high[0], edge)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += edge / 2
    lattice = np.stack([x.ravel(), y.ravel()], axis=1)
    lattice = lattice[_contains(outline, lattice)]
    return lattice[_distance(outline, lattice) > CLEARANCE * edge]


def _contains(outline: Points, points: Points) -> NDArray[np.bool_]:
    """Return which points (M, 2) lie inside: a ray to the right crosses an odd number of edges."""
    start, end = outline, np.roll(outline, -1, axis=0)
    # A lattice has many points on each level, and few edges cross a level.
    levels, level = np.unique(points[:, 1], return_inverse=True)
    y = levels[:, None]
    spans = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(start[:, 1] == end[:, 1], 1.0, end[:, 1] - start[:, 1])
    crossing = np.where(spans, start[:, 0] + (y - start[:, 1]) / rise * (end[:, 0] - start[:, 0]), -np.inf)
    most = int(spans.sum(axis=1).max(initial=0))
    crossing = np.sort(crossing, axis=1)[:, len(outline) - most :]
    odd: NDArray[np.bool_] = (crossing[level] > points[:, :1]).sum(axis=1) % 2 == 1
    return odd


def _distance(outline: Points, points: Points) -> NDArray[np.float64]:
    """Return the distance (M,) of each point to the nearest corner or middle of an edge of the outline."""
    marks = np.concatenate([outline, (outline + np.roll(outline, -1, axis=0)) / 2])
    # Not by the expanded square: its matrix product keeps every core busy for a millisecond's work.
    squares = (points[:, :1] - marks[:, 0]) ** 2
    squares += (points[:, 1:] - marks[:, 1]) ** 2
    nearest: NDArray[np.float64] = np.sqrt(squares.min(axis=1))
    return nearest


def _fill(points: Points, outline: Points) -> Faces:
    """Return the Delaunay triangles inside the outline, whose corners are the first points."""
    faces = _delaunay(points)
    # A triangle with an inner point lies inside; one between three border points may bridge a gap.
    doubtful = np.flatnonzero((faces < len(outline)).all(axis=1))
    outside = ~_contains(outline, points[faces[doubtful]].mean(axis=1))
    return np.delete(faces, doubtful[outside], axis=0)


def _delaunay(points: Points) -> Faces:
    # VTK comes with pyvista, and these of its modules, unlike pyvista, load without a graphics library.
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


def _middle_of_neighbours(points: Points, faces: Faces) -> Points:
    count = np.bincount(faces.ravel(), minlength=len(points))
    total = np.empty_like(points)
    for axis in (0, 1):
        corners = points[faces, axis]
        others = corners.sum(axis=1, keepdims=True) - corners
        total[:, axis] = np.bincount(faces.ravel(), others.ravel(), minlength=len(points))
    middle: Points = total / (2 * count[:, None])
    return middle


def _has_border(faces: Faces, border: int) -> bool:
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    steps = (start < border) & (end == (start + 1) % border)
    return len(np.unique(start[steps])) == border
