"""The page around the drawings: titles, keypoint numbers, the legend, and the file it is saved to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kg import paths
from kg.viz.colours import ink, is_light, keypoint_colours
from kg.viz.layout import Layout, shorten
from kg.viz.scene import Scene, Shape

Draw = Callable[[Axes, Shape], None]

DPI = 100
# Dates and version numbers are left out: the same predictions give the same bytes.
METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "kg"},
    ".svg": {"Date": None, "Creator": "kg"},
    ".pdf": {"CreationDate": None, "Creator": "kg", "Producer": None},
}


def save(path: Path, scene: Scene, layout: Layout, labels: bool, draw: Draw) -> None:
    """Write the page, whole or not at all; `draw` fills the axes of each tile, the rest is done here."""
    with _own_settings():
        page = _page(scene, layout, labels, draw)
        with paths.replacing(path) as temporary:
            page.savefig(temporary, metadata=METADATA[path.suffix.lower()])


def pixels(scene: Scene, layout: Layout, labels: bool, draw: Draw) -> NDArray[np.uint8]:
    """Return the page as a picture (height, width, 3); the arguments are those of `save`."""
    with _own_settings():
        page = _page(scene, layout, labels, draw)
        page.canvas.draw()
        return np.array(page.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]


@contextmanager
def _own_settings() -> Iterator[None]:
    """Draw as is meant here, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["svg.hashsalt"] = "kg"
        yield


def _page(scene: Scene, layout: Layout, labels: bool, draw: Draw) -> Figure:
    size = (layout.width / DPI, layout.height / DPI)
    page = Figure(figsize=size, dpi=DPI, facecolor=tuple(scene.background))
    FigureCanvasAgg(page)
    for number, shape in enumerate(scene.shapes):
        axes = _tile(page, scene, layout, number)
        draw(axes, shape)
        if labels:
            _add_numbers(axes, scene, shape, layout)
            _add_title(page, scene, layout, number)
    if layout.legend:
        _add_legend(page, scene, layout)
    return page


def _tile(page: Figure, scene: Scene, layout: Layout, number: int) -> Axes:
    left, top = layout.corner(number)
    wide, high = layout.tile
    bottom = layout.height - top - high
    axes = page.add_axes(
        (left / layout.width, bottom / layout.height, wide / layout.width, high / layout.height)
    )
    axes.set_axis_off()
    axes.set_xlim(-scene.half[0], scene.half[0])
    axes.set_ylim(-scene.half[1], scene.half[1])
    return axes


def _points(pixels: float) -> float:
    """Return pixels as printer's points, the unit of letters in matplotlib."""
    return pixels * 72 / DPI


def _add_numbers(axes: Axes, scene: Scene, shape: Shape, layout: Layout) -> None:
    # In a ring the number stands on the cloud, which is pale.
    colours = np.where(shape.rings[:, None], 1.0, keypoint_colours(len(shape.keypoints)))
    for number, (place, colour) in enumerate(zip(shape.keypoints, colours, strict=True)):
        axes.text(
            float(place[0]),
            float(place[1]),
            str(number),
            ha="center",
            va="center_baseline",
            fontsize=_points(0.75 * layout.text),
            fontweight="bold",
            color="black" if is_light(colour) else "white",
        )


def _add_title(page: Figure, scene: Scene, layout: Layout, number: int) -> None:
    left, top = layout.corner(number)
    letters = int(layout.tile[0] / (0.65 * layout.text))
    page.text(
        (left + layout.tile[0] / 2) / layout.width,
        1 - (top + layout.tile[1] + 0.45 * layout.title) / layout.height,
        shorten(scene.shapes[number].title, letters),
        ha="center",
        va="center",
        fontsize=_points(layout.text),
        color=tuple(ink(scene.background)),
        parse_math=False,
    )


def _add_legend(page: Figure, scene: Scene, layout: Layout) -> None:
    axes = page.add_axes((0, 0, 1, layout.legend / layout.height))
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.legend, 0)
    numbers = np.arange(len(scene.entries))
    rows, columns = np.divmod(numbers, layout.legend_columns)
    in_row = np.minimum(layout.legend_columns, len(numbers) - rows * layout.legend_columns)
    entry = layout.legend_entry
    x = layout.width / 2 + ((columns - (in_row - 1) / 2) * entry - entry / 2 + 0.9) * layout.text
    y = (1.2 + 1.9 * rows) * layout.text
    size, count = _points(layout.text) ** 2, scene.keypoint_count
    axes.scatter(x[:count], y[:count], s=size, c=keypoint_colours(count), linewidths=0)
    # Rings have any colour: what they mean stands last, beside one in the colour of the letters.
    line, colour = _points(layout.text) / 5, tuple(ink(scene.background))
    axes.scatter(x[count:], y[count:], s=0.64 * size, facecolors="none", edgecolors=[colour], linewidths=line)
    for number, text in enumerate(scene.entries):
        axes.text(
            x[number] + 0.85 * layout.text,
            y[number],
            text,
            va="center_baseline",
            fontsize=_points(0.9 * layout.text),
            color=tuple(ink(scene.background)),
        )
