"""From predictions to a picture or a window."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError
from kg.inference.landmarks import keypoint_names, landmark_keypoints
from kg.inference.predictions import Predictions
from kg.viz import probe
from kg.viz.colours import place_colours
from kg.viz.origin import up_of
from kg.viz.picture import Rendered, cannot_render, plan, write
from kg.viz.scene import Scene, Shape, make_scene
from kg.viz.skeleton import choose_edges
from kg.viz.style import DEFAULT, Style
from kg.viz.view import parse_view, upright


def render(
    predictions: Predictions,
    output: Path,
    shapes: int = 12,
    ids: Sequence[str] = (),
    style: Style = DEFAULT,
) -> Rendered:
    """Write a sheet of predictions: clouds, keypoints and skeletons, seen from one direction at one scale.

    Args:
        predictions: What to show.
        output: A .png, .svg or .pdf file.
        shapes: How many at most, evenly chosen from all.
        ids: Show these instead, in this order.
        style: How it looks.

    Raises:
        KgError: An option or id is not known, the suffix is none of these, or pyvista was asked for and
            does not render here.
    """
    return write(_predicted_scene(predictions, shapes, ids, style), output, style)


def contact_sheet(
    clouds: Sequence[NDArray[np.floating]],
    output: Path,
    titles: Sequence[str] = (),
    style: Style = DEFAULT,
    landmarks: Sequence[NDArray[np.floating]] = (),
) -> Rendered:
    """Write a sheet of clouds (N, 3), with their titles where `style.labels` is true.

    Args:
        clouds: What to show.
        output: A .png, .svg or .pdf file.
        titles: Of each cloud.
        style: How it looks.
        landmarks: (A, 3) of each cloud, in one order for all, NaN where a cloud lacks one; or none.

    Raises:
        KgError: As for `render`.
    """
    named = titles or [str(number) for number in range(len(clouds))]
    marks = landmarks or [np.empty((0, 3))] * len(clouds)
    shown = [
        Shape(title, upright(cloud, style.up), upright(places, style.up), np.empty(0))
        for title, cloud, places in zip(named, clouds, marks, strict=True)
    ]
    scene = _scene(shown, np.empty((0, 2), dtype=np.int64), style)
    return write(replace(scene, legend=False), output, style)


def show(
    predictions: Predictions, shapes: int = 12, ids: Sequence[str] = (), style: Style = DEFAULT
) -> tuple[str, ...]:
    """Open a window in which the shapes turn together; return their ids once it is closed.

    Raises:
        KgError: As for `render`, or there is no display.
    """
    if style.renderer == "matplotlib":
        raise KgError("A window is drawn by pyvista, not by matplotlib.", "Leave out --renderer or --window.")
    if not probe.has_display():
        raise KgError("There is no display to open a window on.", "Write a picture instead, with -o out.png")
    if not probe.renders():
        raise cannot_render()
    scene = _predicted_scene(predictions, shapes, ids, style)
    layout = plan(scene, style)
    from kg.viz import pyvista_drawing

    pyvista_drawing.window(scene, layout.columns, layout.tile, style.labels).show()
    return tuple(shape.title for shape in scene.shapes)


def choose_shapes(ids: Sequence[str], count: int, named: Sequence[str] = ()) -> list[int]:
    """Return the rows to show: those of the wanted ids, else `count` of them, evenly spread.

    Raises:
        KgError: A named id is not there.
    """
    if not named:
        spread = np.linspace(0, len(ids) - 1, min(count, len(ids)))
        return [int(row) for row in spread.round()]
    rows = {name: row for row, name in enumerate(ids)}
    for name in named:
        if name not in rows:
            raise closest("shape", name, ids)
    return [rows[name] for name in named]


def closest(kind: str, name: str, known: Sequence[str]) -> KgError:
    """Return the error for a name that is not among so many that they cannot all be listed."""
    close = get_close_matches(name, known, n=3, cutoff=0.3)
    return KgError(
        f"There is no {kind} '{name}' among the {len(known)}.",
        f"Closest: {', '.join(close)}." if close else f"The first is called {known[0]}.",
    )


def _predicted_scene(predictions: Predictions, shapes: int, ids: Sequence[str], style: Style) -> Scene:
    names = [str(name) for name in predictions.ids]
    if not names:
        raise KgError("The predictions hold no shapes.", "Predict some with: kg predict")
    rows = choose_shapes(names, shapes, ids)
    columns = choose_edges(predictions, style.threshold) if style.edges else np.empty(0, dtype=np.int64)
    weights = np.asarray(predictions.edges[:, columns], dtype=np.float64)
    strengths = np.clip(weights / max(weights.max(initial=0), 1e-9), 0, 1)
    store = predictions.find_store()
    up = style.up or up_of(store)
    colours = predicted_colours(predictions, rows)
    shown = [
        Shape(
            names[row],
            upright(predictions.points[row], up),
            upright(predictions.keypoints[row], up),
            strengths[row],
            None if colours is None else colours[place],
            visible=None if predictions.visible is None else predictions.visible[row],
        )
        for place, row in enumerate(rows)
    ]
    for shape in shown:
        if not np.isfinite(shape.keypoints).all():
            raise KgError(f"The shape '{shape.title}' has keypoints that are no numbers.")
    scene = _scene(shown, predictions.edge_pairs[columns], style)
    return replace(scene, names=keypoint_names(landmark_keypoints(predictions, store)))


def predicted_colours(
    predictions: Predictions, rows: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return the colours (m, N, 3) of the clouds of some rows, by where their points are said to lie at rest.

    None for predictions that do not say so (`kg predict --dense`).
    """
    if predictions.rest is None:
        return None
    return place_colours(predictions.rest[np.asarray(rows)], -np.ones(3), np.ones(3))


def _scene(shapes: Sequence[Shape], edges: NDArray[np.int64], style: Style) -> Scene:
    for shape in shapes:
        if not np.isfinite(shape.points).all():
            raise KgError(f"The shape '{shape.title}' has coordinates that are no numbers.")
    view = parse_view(style.view, [shape.points for shape in shapes])
    return make_scene(shapes, edges, view, background_colour(style.background))


def background_colour(name: str) -> NDArray[np.float64]:
    """Return the colour (3,) that a user named.

    Raises:
        KgError: It is none.
    """
    from matplotlib.colors import to_rgb

    try:
        return np.array(to_rgb(name))
    except ValueError as error:
        raise KgError(
            f"'{name}' is no colour.", "Give a name or #rrggbb, such as white or #101418."
        ) from error
