"""From a scene to a file: who draws it, how large it is, and what was made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kg.errors import KgError, unknown_name
from kg.viz import probe
from kg.viz.layout import Layout, arrange
from kg.viz.scene import Scene, Shape
from kg.viz.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kg.viz.page import Draw

Renderer = Literal["pyvista", "matplotlib"]
RENDERERS = ("auto", "pyvista", "matplotlib")
VECTORS = (".svg", ".pdf")
SUFFIXES = (".png", *VECTORS)
FILMS = (".gif", ".mp4")
# Neither a PNG encoder nor a viewer is happy beyond this.
LARGEST = 32_000


@dataclass(frozen=True)
class Rendered:
    """A picture that was written.

    Attributes:
        path: Of the file.
        ids: Of the shapes that it shows, in order.
        renderer: Who drew it.
        width, height: In pixels.
        note: What the user should know about it; may be empty.
    """

    path: Path
    ids: tuple[str, ...]
    renderer: Renderer
    width: int
    height: int
    note: str = ""


def write(scene: Scene, output: Path, style: Style) -> Rendered:
    """Draw a scene into a .png, .svg or .pdf file.

    Raises:
        KgError: The suffix or the renderer is none of ours, pyvista was asked for and does not render here,
            or the picture would be too large.
    """
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise KgError(
            f"{output} is no kind of picture that kg writes.",
            f"Its name can end in {_or(SUFFIXES)}; that of a film in {_or(FILMS)}.",
        )
    layout = plan(scene, style)
    renderer, note = choose_renderer(style.renderer, vector=suffix in VECTORS)
    from kg.viz import page

    with drawing(renderer, scene, layout) as draw:
        page.save(output, scene, layout, style.labels, draw)
    ids = tuple(shape.title for shape in scene.shapes)
    return Rendered(output, ids, renderer, layout.width, layout.height, note)


def plan(scene: Scene, style: Style) -> Layout:
    """Return the layout of a scene.

    Raises:
        KgError: The picture would be too large.
    """
    layout = arrange(scene, style.size, style.columns, titled=style.labels)
    if max(layout.width, layout.height) > LARGEST:
        raise KgError(
            f"The picture would have {layout.width} × {layout.height} pixels.",
            "Choose fewer shapes or a smaller --size.",
        )
    return layout


def choose_renderer(name: str, vector: bool = False) -> tuple[Renderer, str]:
    """Return who draws, as the user asked, and what they should know about it.

    Raises:
        KgError: There is no such renderer, or pyvista was asked for and does not render here.
    """
    if name not in RENDERERS:
        raise unknown_name("renderer", name, RENDERERS)
    if name == "matplotlib" or (name == "auto" and vector):
        return "matplotlib", ""
    if probe.renders():
        return "pyvista", ""
    if name == "pyvista":
        raise cannot_render()
    return (
        "matplotlib",
        f"Drawn by matplotlib; for the finer picture install {probe.LIBRARIES} (Debian's names).",
    )


def cannot_render() -> KgError:
    """Return the error for a machine on which pyvista does not render."""
    return KgError(
        "pyvista cannot render on this machine.",
        f"Install its graphics libraries (Debian: {probe.LIBRARIES}), or use --renderer matplotlib.",
    )


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@contextmanager
def drawing(renderer: Renderer, scene: Scene, layout: Layout) -> "Iterator[Draw]":
    """Yield what draws a shape of the scene into the axes of its tile."""
    if renderer == "matplotlib":
        from kg.viz import matplotlib_drawing

        yield lambda axes, shape: matplotlib_drawing.draw(axes, scene, shape)
        return
    from kg.viz import pyvista_drawing

    extent = (-scene.half[0], scene.half[0], -scene.half[1], scene.half[1])
    with pyvista_drawing.Photographer(scene, layout.tile) as photographer:

        def draw(axes: "Axes", shape: Shape) -> None:
            picture = photographer.photograph(shape)
            axes.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")

        yield draw
