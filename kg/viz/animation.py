"""From a motion to a sheet of its frames or a film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kg.errors import KgError
from kg.viz.contact_sheets import background_colour, choose_shapes
from kg.viz.encode import Picture, find_ffmpeg, write_gif, write_mp4
from kg.viz.motion import Motion
from kg.viz.picture import FILMS, Rendered, choose_renderer, drawing, plan, write
from kg.viz.scene import Scene, Shape, make_scene
from kg.viz.style import DEFAULT, Style
from kg.viz.view import View, parse_view, upright

ON_THE_GROUND = View(azimuth=20, elevation=38)
"""How one looks at what lies on the ground: a little from the side and from above."""
UNKNOWN_SECONDS = 4.0
"""How long a film of few frames lasts whose own time nobody knows."""
FASTEST_GIF = 50
"""Pictures a second: browsers show one that lasts less than two hundredths of a second for ten."""
TRAIL = 0.3
"""Share of a film for which a trail is seen."""


@dataclass(frozen=True)
class Filmed(Rendered):
    """A film that was written; `ids` are those of the frames in it.

    Attributes:
        seconds: How long it lasts.
    """

    seconds: float = 0.0


def is_film(output: Path) -> bool:
    """Tell whether a file's ending is that of a film."""
    return output.suffix.lower() in FILMS


def draw_frames(
    motion: Motion, output: Path, shapes: int = 12, ids: Sequence[str] = (), style: Style = DEFAULT
) -> Rendered:
    """Write a sheet of frames, evenly chosen or those of `ids`, all in one view at one scale.

    Trails lead from the frame before on the sheet.

    Raises:
        KgError: As for `kg.viz.render`.
    """
    rows = choose_shapes(motion.ids, shapes, ids)
    return write(_scene(motion, rows, [0, *rows[:-1]], style), output, style)


def draw_film(
    motion: Motion,
    output: Path,
    style: Style = DEFAULT,
    *,
    seconds: float | None = None,
    rate: float = 20.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Filmed:
    """Write a film, a .gif or an .mp4.

    Args:
        motion: What to show.
        output: The file.
        style: How it looks.
        seconds: How long it lasts; the motion's own time by default.
        rate: Pictures a second at most, and of a .gif no more than 50. Frames beyond that are left out,
            evenly; none is shown twice.
        progress: Called with (done, total) pictures.

    Raises:
        KgError: As for `kg.viz.render`, or ffmpeg is missing or fails.
    """
    if len(motion) < 2:
        raise KgError(f"{motion.ids[0]} is a single frame, and no film.", "Write a picture: -o out.png")
    ffmpeg = find_ffmpeg() if output.suffix.lower() == ".mp4" else ""
    rate = rate if ffmpeg else min(rate, FASTEST_GIF)
    seconds = seconds or motion.seconds or max(UNKNOWN_SECONDS, len(motion) / rate)
    count = round(seconds * rate)
    if not ffmpeg:
        # Rounded up, they would be one too many a second.
        count = min(count, int(FASTEST_GIF * seconds))
    count = min(len(motion), max(2, count))
    rows = [int(row) for row in np.linspace(0, len(motion) - 1, count).round()]
    tail = max(2, round(TRAIL * len(motion)))
    scene = _scene(motion, rows, [max(0, row - tail) for row in rows], style)
    pictures = _Pictures(scene, style, progress)
    rate = count / seconds
    if ffmpeg:
        write_mp4(output, pictures, rate, ffmpeg)
    else:
        write_gif(output, pictures, rate, (255 * scene.background).round().astype(np.uint8))
    width, height = pictures.layout.width, pictures.layout.height
    return Filmed(
        output,
        tuple(motion.ids[row] for row in rows),
        pictures.renderer,
        width,
        height,
        pictures.note,
        seconds,
    )


class _Pictures:
    """The pictures of a film, drawn one at a time."""

    def __init__(self, scene: Scene, style: Style, progress: Callable[[int, int], None]) -> None:
        self.scene, self.style, self.progress = scene, style, progress
        self.renderer, self.note = choose_renderer(style.renderer)
        self.layout = plan(self._alone(scene.shapes[0]), style)

    def _alone(self, shape: Shape) -> Scene:
        return replace(self.scene, shapes=(shape,))

    def __iter__(self) -> Iterator[Picture]:
        from kg.viz import page

        total = len(self.scene.shapes)
        with drawing(self.renderer, self.scene, self.layout) as draw:
            for done, shape in enumerate(self.scene.shapes):
                self.progress(done, total)
                yield page.pixels(self._alone(shape), self.layout, self.style.labels, draw)
        self.progress(total, total)


def _scene(motion: Motion, rows: Sequence[int], since: Sequence[int], style: Style) -> Scene:
    """Return the scene of some frames, with trails that begin at the frames `since`."""
    up = style.up or motion.up
    points, keypoints = upright(motion.points, up), upright(motion.keypoints, up)
    # Where a keypoint is not visible it is a guess, and its trail is cut.
    seen = keypoints if motion.visible is None else np.where(motion.visible[..., None], keypoints, np.nan)
    for name, cloud in zip(motion.ids, points, strict=True):
        if not np.isfinite(cloud).all():
            raise KgError(f"The shape '{name}' has coordinates that are no numbers.")
    shapes = [
        Shape(
            motion.ids[row],
            points[row],
            keypoints[row],
            motion.strengths[row],
            None if motion.colours is None else motion.colours[row],
            seen[first : row + 1] if style.trails and first < row else seen[:0],
            None if motion.visible is None else motion.visible[row],
        )
        for row, first in zip(rows, since, strict=True)
    ]
    if up == "z" and style.view.strip().lower() == "auto":
        view = ON_THE_GROUND
    else:
        view = parse_view(style.view, list(points))
    scene = make_scene(shapes, motion.edge_pairs, view, background_colour(style.background), together=True)
    return replace(scene, legend=motion.predicted, names=motion.names)
