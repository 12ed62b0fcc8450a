"""What one depth camera sees of a shape: a robot has no other view of what lies before it."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.data.shape import Shape
from kg.data.spacing import spacing
from kg.errors import KgError

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

LOWEST, HIGHEST = 20.0, 80.0
"""Degrees: between these a camera looks down that is placed at random."""
PICTURES, FEW, FINEST = 64, 16, 512
"""So many pictures of a mesh are taken at most. Where more than a few will be needed they get finer, up to so
many pixels a side; a mesh that shows next to nothing in all of them is not seen."""
CANDIDATES = 300_000
"""Pairs of a triangle and a pixel that are looked at together, so that memory stays small."""

DISC, SLANT = 0.75, 2.8
"""Radius of a point's disc, in spacings, and the tangent of the steepest slant. On a sphere of 2,000 points,
random or even, these hide 4 % of what is seen and show 1 to 8 % of what is hidden."""


@dataclass(frozen=True)
class Camera:
    """A perspective depth camera that looks at the middle of a shape, as far away as to see it whole.

    Attributes:
        azimuth: Degrees around the axis that is up, as seen from above against the clock: 0 is in front,
            which is +z where y is up, -y where z is up; None for a random one.
        elevation: Degrees above the horizon, -90 to 90; None for a random one from 20 to 80.
        up: The axis that is up in the source, y or z.
        per: "object": what is random is drawn once for the frames of an object, as of a camera that stands
            still; "cloud": for each by itself.
        field_of_view: Degrees, across the picture.
        noise: Standard deviation of the measured depth, in the source's unit.
        resolution: Step of the measured depth, in the source's unit; 0 for none.

    Raises:
        KgError: A value is out of range.
    """

    azimuth: float | None = None
    elevation: float | None = None
    up: str = "y"
    per: str = "object"
    field_of_view: float = 60.0
    noise: float = 0.0
    resolution: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("up", ("y", "z")), ("per", ("object", "cloud"))):
            if getattr(self, name) not in known:
                raise KgError(
                    f"The camera's {name} cannot be '{getattr(self, name)}'.", f"Known: {', '.join(known)}."
                )
        limits = (
            ("azimuth", -360, 360),
            ("elevation", -90, 90),
            ("field_of_view", 1, 150),
            ("noise", 0, math.inf),
            ("resolution", 0, math.inf),
        )
        for name, low, high in limits:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise KgError(
                    f"The camera's {name} cannot be {value:g}.", f"It lies between {low:g} and {high:g}."
                )

    def placed(self, rng: np.random.Generator) -> "Camera":
        """Return the camera with its direction drawn, if it was random: evenly over that part of a sphere."""
        azimuth = float(rng.uniform(0, 360))
        low, high = (math.sin(math.radians(limit)) for limit in (LOWEST, HIGHEST))
        elevation = math.degrees(math.asin(rng.uniform(low, high)))
        return replace(
            self,
            azimuth=azimuth if self.azimuth is None else self.azimuth,
            elevation=elevation if self.elevation is None else self.elevation,
        )

    def placed_for(self, thing: str, seed: int) -> "Camera":
        """Return the camera as it stands for all frames of an object, from a random stream of its own."""
        # No byte of a name: a deformation draws from the seed and the name alone.
        return self.placed(np.random.default_rng([seed, *thing.encode(), 256]))

    def aim(self, vertices: Points) -> "View":
        """Return the view of vertices (V, 3) from a camera that is placed."""
        assert self.azimuth is not None
        assert self.elevation is not None
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        sin, cos = math.sin(azimuth), math.cos(azimuth)
        # Here y is up and +z the front.
        axes = np.array(
            [
                [cos, 0, -sin],
                [-math.sin(elevation) * sin, math.cos(elevation), -math.sin(elevation) * cos],
                [-math.cos(elevation) * sin, -math.sin(elevation), -math.cos(elevation) * cos],
            ]
        )
        if self.up == "z":
            axes = axes[:, [0, 2, 1]] * [1, -1, 1]
        middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
        radius = float(np.linalg.norm(vertices - middle, axis=1).max())
        if not radius > 0:
            raise KgError("All vertices of the shape lie in one place.")
        half = math.radians(self.field_of_view) / 2
        return View(middle - radius / math.sin(half) * axes[2], axes, math.tan(half))

    def measure(self, points: Points, view: "View", rng: np.random.Generator) -> Points:
        """Return points (n, 3) as the camera measures them: each moved along its ray."""
        depth = view.turned(points)[:, 2]
        read = depth + self.noise * rng.standard_normal(len(depth))
        if self.resolution:
            read = self.resolution * np.round(read / self.resolution)
        moved: Points = view.eye + (points - view.eye) * (read / depth)[:, None]
        return moved


@dataclass(frozen=True, eq=False)
class View:
    """Where a camera stands and how it is turned.

    Attributes:
        eye: Its place, (3,).
        axes: Rows (right, up, forward), each of length 1, (3, 3).
        reach: Tangent of half the field of view.
    """

    eye: Points
    axes: Points
    reach: float

    def turned(self, points: Points) -> Points:
        """Return points (n, 3) as (right, up, depth)."""
        turned: Points = (points - self.eye) @ self.axes.T
        return turned

    def pixels(self, turned: Points, side: int) -> Points:
        """Return where points (n, 3) as `turned` gives them are in a picture of side × side, (n, 2)."""
        flat: Points = (turned[:, :2] / turned[:, 2:] / self.reach + 1) * (side / 2)
        return flat


def surface_seen(
    shape: Shape, view: View, count: int, rng: np.random.Generator
) -> tuple[Indices, NDArray[np.float64]]:
    """Return places on a mesh that a camera sees, `count` or more: triangles (n,), weights of corners (n, 3).

    Each is where the ray through a pixel first meets the mesh. Pictures are taken until they show enough,
    each shifted by a part of a pixel: the same view, more densely. No place comes twice.

    Raises:
        KgError: Too little of the mesh is seen.
    """
    assert shape.faces is not None
    # A shape fills about a quarter of a picture. Some pictures, so that no grid of pixels shows in the cloud.
    side = math.ceil(math.sqrt(count))
    turned = view.turned(shape.vertices)
    depth = turned[:, 2][shape.faces]
    faces, weights, total = [], [], 0
    for _ in range(PICTURES):
        flat = view.pixels(turned, side)[shape.faces] - rng.random(2)
        face, weight = _picture(flat, depth, side)
        faces.append(face)
        weights.append(weight)
        total += len(face)
        if total >= count:
            break
        if len(face) * FEW < count:
            side = min(2 * side, FINEST)
    if total < count:
        raise KgError(
            "The camera sees too little of the mesh, which stands edge on to it.",
            "Give it another direction, such as --set camera.elevation=60.",
        )
    return np.concatenate(faces), np.concatenate(weights)


def _picture(flat: Points, depth: Points, side: int) -> tuple[Indices, NDArray[np.float64]]:
    """Return what the pixels of one picture show, those that show something (see `surface_seen`).

    Args:
        flat: (F, 3, 2) corners of the triangles in pixels, whose centres are the whole numbers.
        depth: (F, 3) of the corners.
        side: Of the picture, in pixels; shifted by up to one.
    """
    low, high = np.ceil(flat.min(axis=1)), np.floor(flat.max(axis=1))
    size = np.maximum(high - low + 1, 0).astype(np.int64)
    counts = size.prod(axis=1)
    width = side + 2
    nearest = np.full(width * width, np.inf)
    shown = np.full(width * width, -1)
    share = np.empty((width * width, 3))
    blocks = np.cumsum(counts) // CANDIDATES
    for block in np.unique(blocks[counts > 0]):
        some = np.flatnonzero((blocks == block) & (counts > 0))
        face = np.repeat(some, counts[some])
        place = np.arange(len(face)) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some])
        pixel = low[face] + np.stack([place % size[face, 0], place // size[face, 0]], axis=1)
        away = flat[face] - pixel[:, None]
        areas = np.stack([_cross(away[:, 1], away[:, 2]), _cross(away[:, 2], away[:, 0])], axis=1)
        areas = np.column_stack([areas, _cross(away[:, 0], away[:, 1])])
        whole = areas.sum(axis=1)
        inside = ((areas >= 0).all(axis=1) | (areas <= 0).all(axis=1)) & (whole != 0)
        face, pixel = face[inside], pixel[inside]
        # What is linear in space is linear in the picture once it is divided by the depth.
        weights = areas[inside] / whole[inside, None] / depth[face]
        far = 1 / weights.sum(axis=1)
        cell = ((pixel[:, 0] + 1) * width + pixel[:, 1] + 1).astype(np.int64)
        order = np.lexsort((face, far, cell))
        first = order[np.diff(cell[order], prepend=-1) > 0]
        first = first[far[first] < nearest[cell[first]]]
        at = cell[first]
        nearest[at], shown[at], share[at] = far[first], face[first], weights[first] * far[first, None]
    seen = np.flatnonzero(shown >= 0)
    return shown[seen], share[seen]


def points_seen(points: Points, view: View) -> Indices:
    """Return which points of a cloud (N, 3) a camera sees, (n,) ascending.

    Each hides what is clearly behind a disc around it (as Grossman & Dally 1998 draw points), so large that
    the discs of neighbours close the surface. Behind is what lies farther than a surface seen at a slant
    goes back within a disc; layers nearer to each other than that, two spacings, are seen both.
    """
    radius = DISC * spacing([points])
    turned = view.turned(points)
    depth = turned[:, 2]
    side = max(8, min(2048, math.ceil(2 * view.reach * float(np.median(depth)) / (0.4 * radius))))
    # A point of this depth has a disc of so many pixels.
    discs = radius / depth / view.reach * (side / 2)
    flat = view.pixels(turned, side)
    widest = math.ceil(float(discs.max()))
    width = side + 2 * widest + 2
    nearest = np.full((width, width), np.inf)
    for x in range(-widest, widest + 1):
        for y in range(-widest, widest + 1):
            covers = np.flatnonzero(math.hypot(x, y) <= discs)
            cell = flat[covers].astype(np.int64) + widest + np.array([x, y])
            np.minimum.at(nearest, (cell[:, 0], cell[:, 1]), depth[covers])
    cell = flat.astype(np.int64) + widest
    seen: Indices = np.flatnonzero(depth - nearest[cell[:, 0], cell[:, 1]] <= SLANT * radius)
    return seen


def _cross(first: Points, second: Points) -> NDArray[np.float64]:
    crossed: NDArray[np.float64] = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return crossed
