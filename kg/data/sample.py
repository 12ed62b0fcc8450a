"""Clouds of exactly N points, from clouds and from surfaces."""

import numpy as np
from numpy.typing import NDArray

from kg.data.camera import Camera, points_seen, surface_seen
from kg.data.farthest import farthest_of_sorted
from kg.data.shape import Shape
from kg.errors import KgError

OVERSAMPLING = 4
"""Random surface samples for each point kept. Farthest point sampling then evens them out."""
FAR = 100
"""So many extents from the origin float32 still tells a hundred-thousandth of the extent. What lies beyond is
moved to the origin first; what does not stays, for rounding decides between points that are equally far."""
TINY = 1e-15
"""Extents below are scaled to 1 first: float32 has no squares of them."""


def farthest_points(points: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Return the indices (count,) of farthest point sampling in a cloud (M, 3).

    A function of the set of points alone: they are taken in the order of `kg.ops.canonical_order`.

    Raises:
        KgError: The cloud has fewer than `count` points.
    """
    if len(points) < count:
        raise KgError(
            f"The cloud has {len(points)} points, {count} are needed.",
            f"Ask for fewer with --points {len(points)}, or sample the shape more densely.",
        )
    low, high = points.min(axis=0), points.max(axis=0)
    middle, extent = (low + high) / 2, (high - low).max()
    if np.abs(middle).max() > FAR * extent:
        points = points - middle
    if 0 < extent < TINY:
        points = points / extent
    cloud = np.asarray(points, dtype=np.float32)
    order = _in_order(cloud)
    farthest: NDArray[np.int64] = order[farthest_of_sorted(cloud[order], count)]
    return farthest


def _in_order(cloud: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the indices that sort points (M, 3) by x, then y, then z, then index.

    Few have the same x, so that it takes a third of the time of sorting by all.
    """
    order = cloud[:, 0].argsort()
    same = np.diff(cloud[order, 0]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    few = np.sort(order[tied])
    order[tied] = few[np.lexsort((cloud[few, 2], cloud[few, 1], cloud[few, 0]))]
    return order


def sample_shape(
    shape: Shape, count: int, rng: np.random.Generator, camera: Camera | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return an even cloud (count, 3) of a shape and its rest positions (count, 3), if any.

    A mesh is sampled uniformly by area, four times over, and thinned by farthest point sampling. A
    cloud of exactly `count` points stays as it is, in its order; a larger one is thinned. Of what a camera
    sees of either the same is made; depth is measured last, so that noise does not choose the points.

    Raises:
        KgError: A cloud has fewer than `count` points, a mesh has no area, or the camera sees too little.
    """
    if camera is not None:
        return _sample_seen(shape, count, rng, camera)
    if shape.faces is not None:
        return _thinned(shape, *_drawn(shape, OVERSAMPLING * count, rng), count)
    points, rest_positions = shape.vertices, shape.rest_positions
    if len(points) == count:
        return points, rest_positions
    kept = farthest_points(points, count)
    return points[kept], None if rest_positions is None else rest_positions[kept]


def sample_surface(shape: Shape, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return points (count, 3) drawn evenly over a mesh by area.

    Raises:
        KgError: It has no area.
    """
    assert shape.faces is not None
    face, weights = _drawn(shape, count, rng)
    return _at(shape.vertices, shape.faces[face], weights)


def _drawn(
    shape: Shape, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return triangles (count,) of a mesh and the weights (count, 3) of their corners, even by area.

    Raises:
        KgError: It has no area.
    """
    assert shape.faces is not None
    corners = shape.vertices[shape.faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    if not areas.sum() > 0:
        raise KgError("The mesh has no area: all its triangles are degenerate.")
    face = rng.choice(len(areas), count, p=areas / areas.sum())
    # Uniform barycentric coordinates: the square root makes up for the triangle's narrowing.
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    return face, np.stack([1 - root, root * (1 - along), root * along], axis=1)


def _thinned(
    shape: Shape, face: NDArray[np.int64], weights: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return some (count, 3) of the points on triangles (n,) of a mesh, and their rest positions, if any."""
    assert shape.faces is not None
    triangles = shape.faces[face]
    points = _at(shape.vertices, triangles, weights)
    kept = farthest_points(points, count)
    rest = shape.rest_positions
    return points[kept], None if rest is None else _at(rest, triangles[kept], weights[kept])


def _at(
    values: NDArray[np.float64], triangles: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return values (n, 3) on triangles (n, 3), of those at vertices (V, 3)."""
    mixed: NDArray[np.float64] = np.einsum("nc,ncd->nd", weights, values[triangles])
    return mixed


def _sample_seen(
    shape: Shape, count: int, rng: np.random.Generator, camera: Camera
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    camera = camera.placed(rng)
    view = camera.aim(shape.vertices)
    if shape.faces is None:
        points = shape.vertices
        seen = points_seen(points, view)
        if len(seen) < count:
            raise KgError(
                f"The camera sees {len(seen)} of the cloud's {len(points)} points, {count} are needed.",
                f"Ask for fewer with --points {len(seen)}, or take denser clouds.",
            )
        kept = seen[farthest_points(points[seen], count)]
        points = points[kept]
        rest_positions = None if shape.rest_positions is None else shape.rest_positions[kept]
    else:
        points, rest_positions = _thinned(shape, *surface_seen(shape, view, OVERSAMPLING * count, rng), count)
    return camera.measure(points, view, rng), rest_positions
