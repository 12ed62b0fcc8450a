"""What a sheet shows, before anything draws it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.data.spacing import spacing
from kg.viz.colours import ink, mix
from kg.viz.view import View

MARGIN = 1.06


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of a sheet.

    Attributes:
        title: Stands under it.
        points: (N, 3).
        keypoints: (K, 3), in the space of the points, NaN for one that this shape lacks; (0, 3) for a
            cloud alone.
        strengths: (E,) 0 to 1, of the scene's edges on this shape.
    """

    title: str
    points: NDArray[np.float64]
    keypoints: NDArray[np.float64]
    strengths: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Shapes turned to the viewer: x is right, y is up, z is near; each is centred on the origin.

    Attributes:
        shapes: What to show.
        edges: (E, 2) pairs of keypoints.
        half: Half the width and half the height of a tile, the same for all, in the points' unit.
        point_radius, keypoint_radius: Of the balls that are drawn, in the same unit.
        background: sRGB, 0 to 1.
        legend: Whether the numbers of the keypoints are explained.
    """

    shapes: tuple[Shape, ...]
    edges: NDArray[np.int64]
    half: tuple[float, float]
    point_radius: float
    keypoint_radius: float
    background: NDArray[np.float64]
    legend: bool = True

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

    def rods(self, shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the radii (E,) and colours (E, 3) of the edges: the stronger, the thicker and darker."""
        colour = mix(self.background, ink(self.background), 0.45 + 0.4 * shape.strengths)
        return self.keypoint_radius * (0.08 + 0.16 * shape.strengths), colour


def make_scene(
    shapes: Sequence[Shape], edges: NDArray[np.int64], view: View, background: NDArray[np.float64]
) -> Scene:
    """Turn shapes to the viewer and find the frame that holds all of them at one scale."""
    turned = tuple(_turn(shape, view) for shape in shapes)
    reach = np.max([_reach(shape) for shape in turned], axis=0)
    size = float(reach.max())
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
    )


def _turn(shape: Shape, view: View) -> Shape:
    points = view.apply(shape.points)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    return Shape(shape.title, points - centre, view.apply(shape.keypoints) - centre, shape.strengths)


def _reach(shape: Shape) -> NDArray[np.float64]:
    places = np.concatenate([shape.points, shape.keypoints])[:, :2]
    reach: NDArray[np.float64] = np.nanmax(np.abs(places), axis=0)
    return reach


def _radius(shapes: Sequence[Shape]) -> float:
    """Return the radius at which a cloud's points nearly touch."""
    return 0.29 * spacing([shape.points for shape in shapes])
