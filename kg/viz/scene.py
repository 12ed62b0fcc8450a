"""What a sheet shows, before anything draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kg.data.spacing import spacing
from kg.viz.colours import ink, keypoint_colours, mix
from kg.viz.view import View

MARGIN = 1.06
RING = 0.22
"""Of a keypoint's radius: half of how thick its ring is, within that radius."""
NOT_VISIBLE = "not visible"


def _no_trails() -> NDArray[np.float64]:
    return np.empty((0, 0, 3))


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of a sheet.

    Attributes:
        title: Stands under it.
        points: (N, 3).
        keypoints: (K, 3), in the space of the points, NaN for one that this shape lacks; (0, 3) for a
            cloud alone.
        strengths: (E,) 0 to 1, of the scene's edges on this shape.
        colours: (N, 3) of the points, sRGB 0 to 1; None for grey.
        trails: (T, K, 3) where the keypoints have been, the latest last, NaN where that is not known; T
            is 0 for none.
        visible: (K,) which keypoints the cloud shows the places of; None if nobody says. The others are
            drawn as rings.
    """

    title: str
    points: NDArray[np.float64]
    keypoints: NDArray[np.float64]
    strengths: NDArray[np.float64]
    colours: NDArray[np.float64] | None = None
    trails: NDArray[np.float64] = field(default_factory=_no_trails)
    visible: NDArray[np.bool_] | None = None

    @property
    def balls(self) -> NDArray[np.bool_]:
        """Which keypoints are drawn as balls, (K,)."""
        there = np.asarray(np.isfinite(self.keypoints).all(axis=1))
        return there if self.visible is None else there & self.visible

    @property
    def rings(self) -> NDArray[np.bool_]:
        """Which are drawn as rings, (K,)."""
        return np.asarray(np.isfinite(self.keypoints).all(axis=1)) & ~self.balls


@dataclass(frozen=True, eq=False)
class Line:
    """A line of places (T, 3), with its radii (T,), its colour (3,) and how opaque it is at each, (T,)."""

    places: NDArray[np.float64]
    radii: NDArray[np.float64]
    colour: NDArray[np.float64]
    opacity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Shapes turned to the viewer: x is right, y is up, z is near; centred on the origin.

    Attributes:
        shapes: What to show.
        edges: (E, 2) pairs of keypoints.
        half: Half the width and half the height of a tile, the same for all, in the points' unit.
        point_radius, keypoint_radius: Of the balls that are drawn, in the same unit.
        background: sRGB, 0 to 1.
        legend: Whether the numbers of the keypoints are explained.
        names: What keypoints are called, by their numbers; those without a name are not there.
        rings: Whether some keypoint is drawn as a ring, which the legend then explains.
    """

    shapes: tuple[Shape, ...]
    edges: NDArray[np.int64]
    half: tuple[float, float]
    point_radius: float
    keypoint_radius: float
    background: NDArray[np.float64]
    legend: bool = True
    names: Mapping[int, str] = field(default_factory=dict)
    rings: bool = False

    @property
    def entries(self) -> list[str]:
        """What the legend says: of each keypoint its number and its name, if it has one; then of rings."""
        numbers = range(self.keypoint_count)
        told = [f"{number} {self.names.get(number, '')}".rstrip() for number in numbers]
        return [*told, NOT_VISIBLE] if self.rings else told

    @property
    def keypoint_count(self) -> int:
        """K, 0 for clouds alone."""
        return len(self.shapes[0].keypoints)

    def lifted(self, shape: Shape) -> NDArray[np.float64]:
        """Return the keypoints (K, 3) before the cloud.

        The view is orthographic, so they stay where they are in the picture, and no point hides them.
        """
        moved: NDArray[np.float64] = shape.keypoints + np.array([0, 0, 4 * max(self.half)])
        return moved

    def lines(self, shape: Shape) -> "list[Line]":
        """Return the trails of a shape, before its cloud, behind its keypoints; they fade into the past."""
        count = len(shape.trails)
        if count < 2:
            return []
        lift = np.array([0, 0, 2 * max(self.half)])
        lines = []
        for number, colour in enumerate(keypoint_colours(shape.trails.shape[1])):
            known = np.isfinite(shape.trails[:, number, 0])
            # Where it was out of sight the line is cut.
            for run in np.split(np.arange(count), np.flatnonzero(np.diff(known)) + 1):
                if known[run].all() and len(run) > 1:
                    way, when = _smooth(shape.trails[run, number], run / (count - 1))
                    radii = self.keypoint_radius * (0.1 + 0.25 * when)
                    lines.append(Line(way + lift, radii, colour, 0.85 * when))
        return lines

    def rods(self, shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the radii (E,) and colours (E, 3) of the edges: the stronger, the thicker and darker."""
        colour = mix(self.background, ink(self.background), 0.45 + 0.4 * shape.strengths)
        return self.keypoint_radius * (0.08 + 0.16 * shape.strengths), colour


def make_scene(
    shapes: Sequence[Shape],
    edges: NDArray[np.int64],
    view: View,
    background: NDArray[np.float64],
    together: bool = False,
) -> Scene:
    """Turn shapes to the viewer and find the frame that holds all of them at one scale.

    Each is centred for itself, or, `together`, all by one shift: frames of one thing that moves.
    """
    turned = tuple(_turn(shape, view) for shape in shapes)
    boxes = np.array([(shape.points.min(axis=0), shape.points.max(axis=0)) for shape in turned])
    centres = boxes.mean(axis=1)
    if together:
        centres[:] = (boxes[:, 0].min(axis=0) + boxes[:, 1].max(axis=0)) / 2
    turned = tuple(_move(shape, -centre) for shape, centre in zip(turned, centres, strict=True))
    reach = np.max([_reach(shape) for shape in turned], axis=0)
    # What lies all in one place is drawn as a dot.
    size = float(reach.max()) or 1.0
    keypoint_radius = size * (0.05 if len(turned[0].keypoints) <= 12 else 0.042)
    # A tile is no flatter than about 1:2, so that a sheet of planks still reads as a sheet.
    half = np.maximum(reach, size / 2) * MARGIN + keypoint_radius
    return Scene(
        shapes=turned,
        edges=edges,
        half=(float(half[0]), float(half[1])),
        point_radius=min(_radius(turned), 0.016 * size),
        keypoint_radius=keypoint_radius,
        background=background,
        rings=any(shape.rings.any() for shape in turned),
    )


def _smooth(
    way: NDArray[np.float64], when: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a way (T, 3) and its times (T,) with four steps for each, through the same places.

    The curve is Catmull and Rom's (1974); a way of two places stays straight.
    """
    padded = np.concatenate([2 * way[:1] - way[1:2], way, 2 * way[-1:] - way[-2:-1]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    s = np.arange(4)[:, None, None] / 4
    curve = start + s / 2 * (
        end
        - before
        + s * (2 * before - 5 * start + 4 * end - after + s * (3 * (start - end) + after - before))
    )
    places = np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 3), way[-1:]])
    return places, np.interp(np.arange(len(places)) / 4, np.arange(len(way)), when)


def _turn(shape: Shape, view: View) -> Shape:
    return replace(
        shape,
        points=view.apply(shape.points),
        keypoints=view.apply(shape.keypoints),
        trails=view.apply(shape.trails),
    )


def _move(shape: Shape, step: NDArray[np.float64]) -> Shape:
    return replace(
        shape, points=shape.points + step, keypoints=shape.keypoints + step, trails=shape.trails + step
    )


def _reach(shape: Shape) -> NDArray[np.float64]:
    places = np.concatenate([shape.points, shape.keypoints])[:, :2]
    reach: NDArray[np.float64] = np.nanmax(np.abs(places), axis=0)
    return reach


def _radius(shapes: Sequence[Shape]) -> float:
    """Return the radius at which a cloud's points nearly touch."""
    return 0.29 * spacing([shape.points for shape in shapes])
