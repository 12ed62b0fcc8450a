"""Draws shapes with pyvista: lit points, balls and rods with hidden surfaces removed.

Importing this module imports pyvista; `kg.viz.probe` says beforehand whether that will render.
"""

from typing import Any

import numpy as np
import pyvista
from numpy.typing import NDArray

from kg.viz.colours import ink, keypoint_colours
from kg.viz.layout import shorten
from kg.viz.probe import headless
from kg.viz.scene import RING, Scene, Shape
from kg.viz.shade import cloud_colours

OVERSAMPLING = 2


class Photographer:
    """An off-screen plotter that takes the picture of one shape after another; close it with `with`.

    Args:
        scene: What the shapes belong to.
        size: Width and height of a tile in pixels.
    """

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene, self.size = scene, size
        with headless():
            self.plotter = pyvista.Plotter(
                off_screen=True, window_size=[OVERSAMPLING * side for side in size], lighting="none"
            )

    def __enter__(self) -> "Photographer":
        return self

    def __exit__(self, *_: object) -> None:
        self.plotter.close()

    def photograph(self, shape: Shape) -> NDArray[np.uint8]:
        """Return the picture of a shape, (height, width, 3)."""
        self.plotter.clear_actors()
        self.plotter.remove_all_lights()
        add_shape(self.plotter, self.scene, shape, self.scene.lifted(shape), OVERSAMPLING * self.size[0])
        self.plotter.render()
        large = np.asarray(self.plotter.screenshot(return_img=True), dtype=np.float64)
        width, height = self.size
        blocks = large.reshape(height, OVERSAMPLING, width, OVERSAMPLING, 3)
        picture: NDArray[np.uint8] = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
        return picture


def window(scene: Scene, columns: int, size: tuple[int, int], labels: bool, off_screen: bool = False) -> Any:
    """Return a plotter with one view for each shape, all turned together; `show()` opens it."""
    rows = -(-len(scene.shapes) // columns)
    plotter = pyvista.Plotter(
        shape=(rows, columns),
        border=False,
        lighting="none",
        title="kg viz",
        off_screen=off_screen,
        window_size=[min(1600, columns * size[0]), min(1000, rows * size[1])],
    )
    for number, shape in enumerate(scene.shapes):
        plotter.subplot(*divmod(number, columns))
        width = plotter.window_size[0] // columns
        add_shape(plotter, scene, shape, shape.keypoints, width)
        if labels:
            _label(plotter, scene, shape, width)
    plotter.link_views()
    return plotter


def add_shape(plotter: Any, scene: Scene, shape: Shape, keypoints: NDArray[np.float64], width: int) -> None:
    """Add a shape, its lights and its camera to the current view of a plotter, `width` pixels wide.

    `keypoints` (K, 3) are the shape's, where they are to be drawn.
    """
    half = max(scene.half)
    plotter.set_background(tuple(scene.background))
    plotter.add_mesh(
        pyvista.PolyData(shape.points),
        scalars=cloud_colours(shape.points, half, scene.background, shape.colours),
        rgb=True,
        style="points",
        render_points_as_spheres=True,
        point_size=2 * scene.point_radius * width / (2 * scene.half[0]),
        ambient=0.7,
        diffuse=0.4,
        render=False,
    )
    _add_trails(plotter, scene, shape)
    if len(keypoints):
        _add_keypoints(plotter, scene, shape, keypoints)
        _add_rods(plotter, scene, shape, keypoints)
    _light(plotter, half)
    _aim(plotter, scene)


def _add_trails(plotter: Any, scene: Scene, shape: Shape) -> None:
    for line in scene.lines(shape):
        # A tube of a way without length cannot be made.
        if not np.ptp(line.places, axis=0).any():
            continue
        way = pyvista.lines_from_points(line.places)
        way["radius"] = line.radii
        tint = np.column_stack([np.tile(line.colour, (len(line.places), 1)), line.opacity])
        way["tint"] = (255 * tint).round().astype(np.uint8)
        tube = way.tube(scalars="radius", absolute=True, n_sides=12, capping=False)
        plotter.add_mesh(tube, scalars="tint", rgba=True, lighting=False, culling="back", render=False)


def _add_keypoints(plotter: Any, scene: Scene, shape: Shape, keypoints: NDArray[np.float64]) -> None:
    """Add balls, and rings that face the viewer for keypoints that are not visible."""
    radius = scene.keypoint_radius
    ball = pyvista.Sphere(radius=radius, theta_resolution=32, phi_resolution=32)
    ring = pyvista.ParametricTorus(ringradius=(1 - RING) * radius, crosssectionradius=RING * radius)
    balls, rings = np.flatnonzero(shape.balls), np.flatnonzero(shape.rings)
    numbers = np.concatenate([balls, rings])
    if not len(numbers):
        return
    meshes = [(ball if shape.balls[number] else ring).translate(keypoints[number]) for number in numbers]
    colours = keypoint_colours(len(keypoints))[numbers]
    plotter.add_mesh(
        pyvista.merge(meshes, merge_points=False),
        scalars=np.repeat(colours, [mesh.n_points for mesh in meshes], axis=0),
        rgb=True,
        smooth_shading=True,
        ambient=0.4,
        diffuse=0.65,
        specular=0.4,
        specular_power=30,
        render=False,
    )


def _add_rods(plotter: Any, scene: Scene, shape: Shape, keypoints: NDArray[np.float64]) -> None:
    for (first, second), radius, colour in zip(scene.edges, *scene.rods(shape), strict=True):
        # A rod between keypoints that coincide has no direction, and is hidden in the ball anyway.
        if np.linalg.norm(keypoints[first] - keypoints[second]) > radius:
            line = pyvista.Line(keypoints[first], keypoints[second])
            plotter.add_mesh(
                line.tube(radius=radius, n_sides=16),
                color=tuple(colour),
                smooth_shading=True,
                ambient=0.5,
                diffuse=0.55,
                render=False,
            )


def _label(plotter: Any, scene: Scene, shape: Shape, width: int) -> None:
    title, colour = shorten(shape.title, width // 9), tuple(ink(scene.background))
    plotter.add_text(title, position="lower_edge", font_size=6, color=colour, render=False)
    if len(shape.keypoints):
        plotter.add_point_labels(
            shape.keypoints,
            [str(number) for number in range(scene.keypoint_count)],
            show_points=False,
            always_visible=True,
            shape_color="white",
            shape_opacity=0.7,
            font_size=12,
            render=False,
        )


def _light(plotter: Any, half: float) -> None:
    for place, strength in (((-2, 3, 4), 0.85), ((3, 1, 3), 0.25)):
        plotter.add_light(
            pyvista.Light(
                position=tuple(half * axis for axis in place),
                focal_point=(0, 0, 0),
                light_type="scene light",
                intensity=strength,
            ),
            only_active=True,
        )


def _aim(plotter: Any, scene: Scene) -> None:
    far = 20 * max(scene.half)
    plotter.camera_position = [(0, 0, far), (0, 0, 0), (0, 1, 0)]
    plotter.camera.parallel_projection = True
    plotter.camera.parallel_scale = scene.half[1]
    plotter.camera.clipping_range = (far / 10, 2 * far)
