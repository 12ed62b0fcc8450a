"""Draws a shape with matplotlib, from the far to the near: needs no graphics library, makes vectors."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.viz.colours import keypoint_colours, mix
from kg.viz.scene import RING, Scene, Shape
from kg.viz.shade import cloud_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A ball is a pile of discs that shrink and brighten towards the light, upper left.
STEPS = 9
BEADS = 48
"""Discs that a ring is of, so many that they close."""
TOWARDS_LIGHT = np.array([-0.32, 0.36, 0.0])


class Discs(NamedTuple):
    """Discs to paint: centres (n, 3), radii (n,), colours (n, 3)."""

    centres: NDArray[np.float64]
    radii: NDArray[np.float64]
    colours: NDArray[np.float64]


def draw(axes: "Axes", scene: Scene, shape: Shape) -> None:
    """Draw one shape into axes whose data coordinates are the scene's."""
    # matplotlib measures in 1/72 inch.
    unit = 72 * axes.get_window_extent().width / axes.figure.dpi / (2 * scene.half[0])
    _scatter(axes, [_cloud(scene, shape)], unit)
    _add_trails(axes, scene, shape, unit)
    _scatter(axes, [*_edges(scene, shape), _rings(scene, shape), _keypoints(scene, shape)], unit)


def _scatter(axes: "Axes", layers: list[Discs], unit: float) -> None:
    discs = Discs(*(np.concatenate(parts) for parts in zip(*layers, strict=True)))
    order = np.argsort(discs.centres[:, 2], kind="stable")
    axes.scatter(
        discs.centres[order, 0],
        discs.centres[order, 1],
        s=(2 * discs.radii[order] * unit) ** 2,
        c=discs.colours[order],
        linewidths=0,
        zorder=2,  # As lines: what is added later lies above.
    )


def _add_trails(axes: "Axes", scene: Scene, shape: Shape, unit: float) -> None:
    from matplotlib.collections import LineCollection

    for line in scene.lines(shape):
        flat = line.places[:, :2]
        tint = np.column_stack([np.tile(line.colour, (len(flat), 1)), line.opacity])
        axes.add_collection(
            LineCollection(
                list(np.stack([flat[:-1], flat[1:]], axis=1)),
                colors=tint[1:],
                linewidths=2 * line.radii[1:] * unit,
                capstyle="butt",
                zorder=2,
            ),
            autolim=False,
        )


def _cloud(scene: Scene, shape: Shape) -> Discs:
    half = max(scene.half)
    radii = scene.point_radius * (1 + 0.25 * np.clip(shape.points[:, 2] / half, -1, 1))
    colours = cloud_colours(shape.points, half, scene.background, shape.colours)
    return Discs(shape.points, radii, colours)


def _edges(scene: Scene, shape: Shape) -> list[Discs]:
    """Return edges as rows of beads, so close that they read as rods and can be sorted by depth."""
    keypoints = scene.lifted(shape)
    rows = []
    for (first, second), radius, colour in zip(scene.edges, *scene.rods(shape), strict=True):
        start, end = keypoints[first], keypoints[second]
        count = 2 + int(np.hypot(*(end - start)[:2]) / (0.7 * radius))
        beads = start + np.linspace(0, 1, count)[:, None] * (end - start)
        rows.append(Discs(beads, np.full(count, radius), np.tile(colour, (count, 1))))
    return rows


def _keypoints(scene: Scene, shape: Shape) -> Discs:
    radius = scene.keypoint_radius
    colours = keypoint_colours(scene.keypoint_count)
    front = scene.lifted(shape) + np.array([0, 0, radius])
    pile = []
    for step in np.linspace(0, 1, STEPS):
        tone = mix(mix(colours, np.zeros(3), 0.3 * (1 - step) ** 2), np.ones(3), 0.8 * step**4)
        centres = front + TOWARDS_LIGHT * step * radius
        pile.append(Discs(centres, np.full(len(centres), radius * (1 - 0.86 * step)), tone))
    # One ball after the other: piles that touch must not be shuffled into each other.
    stacked = [np.stack(values, axis=1) for values in zip(*pile, strict=True)]
    discs = Discs(*(values.reshape(-1, *values.shape[2:]) for values in stacked))
    balls = np.repeat(shape.balls, STEPS)
    return Discs(*(values[balls] for values in discs))


def _rings(scene: Scene, shape: Shape) -> Discs:
    """Return keypoints that are not visible, as circles of beads."""
    radius, rings = scene.keypoint_radius, shape.rings
    angles = np.linspace(0, 2 * np.pi, BEADS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1) * (1 - RING) * radius
    beads = (scene.lifted(shape)[rings][:, None] + circle).reshape(-1, 3)
    colours = np.repeat(keypoint_colours(scene.keypoint_count)[rings], BEADS, axis=0)
    return Discs(beads, np.full(len(beads), RING * radius), colours)
