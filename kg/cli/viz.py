"""`kg viz`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.data import open_store
from kg.cli.options import Dataset, Variant
from kg.cli.output import Json, note, progress, show
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data import Store
    from kg.inference.predictions import Predictions
    from kg.viz import Rendered, Style
    from kg.viz.motion import Motion

DEFAULT = Path("out.npz")


def viz(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="TARGET",
            help="What kg predict wrote, a prepared store, or a run or checkpoint, whose test split is "
            "predicted first.",
            show_default="out.npz",
        ),
    ] = None,
    category: Annotated[
        str | None, typer.Option("--category", "-c", help="Show a prepared store: shirt, airplane, ...")
    ] = None,
    dataset: Dataset = None,
    variant: Variant = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A picture (.png, .svg, .pdf) or a film (.gif, .mp4).",
            show_default="a .png beside the predictions, of a store here",
        ),
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Open a window; writes a file only with -o.")
    ] = False,
    object_: Annotated[
        str | None,
        typer.Option("--object", metavar="NAME", help="Show this object's frames, in order."),
    ] = None,
    shapes: Annotated[int, typer.Option(min=1, help="How many shapes or frames, evenly chosen.")] = 12,
    ids: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Show this shape; may be repeated.")
    ] = None,
    columns: Annotated[
        int | None, typer.Option(min=1, help="Shapes in a row.", show_default="a balanced page")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=64, max=4096, help="Pixels of a shape's longer side.", show_default="400, of an .mp4 800"
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="How long a film lasts.", show_default="its own time, else 4 or more"),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            "--fps", min=1, max=60, help="Frames per second of a film, at most; of a .gif up to 50."
        ),
    ] = 20,
    trails: Annotated[
        bool, typer.Option("--trails/--no-trails", help="Draw where keypoints of a sequence have been.")
    ] = True,
    edges: Annotated[bool, typer.Option("--edges/--no-edges", help="Draw the skeleton.")] = True,
    edge_threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Draw every edge of at least this mean weight.",
            show_default="the strongest tree",
        ),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Write ids under the shapes, numbers on the keypoints.")
    ] = False,
    view: Annotated[
        str, typer.Option(help="auto, front, back, side, top, or azimuth,elevation in degrees.")
    ] = "auto",
    up: Annotated[
        str | None,
        typer.Option(
            help="The axis that is up in the clouds: y or z.", show_default="z if deformed by kg, else y"
        ),
    ] = None,
    background: Annotated[str, typer.Option(help="A colour: a name or #rrggbb.")] = "white",
    renderer: Annotated[
        str, typer.Option(help="pyvista, matplotlib (needs no graphics library), or auto.")
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Draw predictions or a prepared store, many shapes on one sheet, or a sequence as a film.

    A keypoint has one colour on all shapes; all are seen from one side,
    at one scale. The thicker an edge, the greater its weight.

    kg viz out.npz
    kg viz out.npz --shapes 6 --columns 3 --labels -o figure.pdf
    kg viz out.npz --ids shirt-0007 --size 1200 --view front
    kg viz latest
    kg viz out.npz --window
    kg viz --category shirt

    Frames of one object keep their place and size; a place at rest keeps its
    colour where the store knows it; trails show where keypoints have been, or,
    without predictions, some places of the object:

    kg viz out.npz --object shirt-0003 -o fold.gif
    kg viz -c shirt --variant fold --object shirt-0003 -o fold.mp4
    kg viz -c shirt --variant fold --object shirt-0003 -o fold.png
    """
    from kg import paths
    from kg.inference.predictions import Predictions
    from kg.viz import Style, draw_store, render
    from kg.viz import show as show_window
    from kg.viz.animation import draw_film, draw_frames, is_film

    paths.require_writable(output)
    film = output is not None and is_film(output)
    if film and ids:
        raise typer.BadParameter("chooses shapes for a sheet; a film shows all frames.", param_hint="--ids")
    if window and object_:
        raise typer.BadParameter("goes into a file; a window shows all.", param_hint="--object")
    pixels = size or (800 if output and output.suffix.lower() == ".mp4" else 400)
    style = Style(pixels, columns, edges, edge_threshold, labels, view, up, trails, background, renderer)
    source = _open(file, category, dataset, variant)
    if window and not isinstance(source, Predictions):
        raise KgError("A window shows predictions.", "Draw a store into a file: -o out.png")
    result: dict[str, object] = {"path": None, "shapes": [], "total": _total(source)}
    line = ""
    if output or not window:
        motion = _motion(source, object_, style, film=film)
        where = output or _beside(source, file)
        if motion and film:
            with progress("Drawing") as advance:
                drawn: Rendered = draw_film(
                    motion, where, style, seconds=seconds, rate=rate, progress=advance
                )
        elif motion:
            drawn = draw_frames(motion, where, shapes, ids or (), style)
        elif isinstance(source, Predictions):
            drawn = render(source, where, shapes, ids or (), style)
        else:
            drawn = draw_store(source, where, shapes, style, ids or ())
        if drawn.note:
            note(drawn.note)
        described, line = _describe(drawn, motion, _total(source))
        result |= described
    if window and isinstance(source, Predictions):
        result["shapes"] = list(show_window(source, shapes, ids or (), style))
    show(result, as_json, *([line] if line else []))


def _open(
    file: Path | None, category: str | None, dataset: str | None, variant: str | None
) -> "Store | Predictions":
    from kg.data import Store
    from kg.inference.predictions import Predictions

    if category or dataset or variant:
        if file is not None:
            raise typer.BadParameter("excludes --category, --dataset and --variant.", param_hint="TARGET")
        return open_store(None, category, dataset, variant)
    file = file or DEFAULT
    if file.suffix == ".h5" or next(file.glob("[!.]*.h5"), None):
        return Store(file)
    if file.suffix == ".npz":
        return Predictions.load(file)
    from kg.inference.front import predictions_of

    with progress(f"Predicting {file.name}") as advance:
        return predictions_of(file, advance)[0]


def _total(source: "Store | Predictions") -> int:
    from kg.inference.predictions import Predictions

    return len(source) if isinstance(source, Predictions) else source.count


def _beside(source: "Store | Predictions", file: Path | None) -> Path:
    """Return where a picture goes if the user does not say."""
    from kg.inference.predictions import Predictions

    if isinstance(source, Predictions):
        file = file or DEFAULT
        return file.with_suffix(".png") if file.is_file() else Path(f"{file.name}.png")
    return Path(f"{source.category}-{source.variant}.png")


def _motion(
    source: "Store | Predictions", named: str | None, style: "Style", *, film: bool
) -> "Motion | None":
    """Return the sequence to show, or None for a sheet of shapes that have nothing to do with each other."""
    from kg.inference.predictions import Predictions
    from kg.viz.motion import choose_object, motion_of_predictions, motion_of_store

    predictions = source if isinstance(source, Predictions) else None
    objects = source.objects.tolist() if isinstance(source, Predictions) else source.read_column("objects")
    single = len(set(objects)) == 1 < len(objects)
    if not (film or named or single):
        return None
    if predictions and not predictions.meta.get("store") and named is None and len(objects) > 1:
        # Files were predicted one by one: in a film they are what follows each other.
        return motion_of_predictions(predictions, None, style)
    name = choose_object(objects, named)
    if named is None and not single:
        note(f"Showing {name}; other objects with --object.")
    if isinstance(source, Predictions):
        return motion_of_predictions(source, name, style)
    return motion_of_store(source, name)


def _describe(drawn: "Rendered", motion: "Motion | None", total: int) -> tuple[dict[str, object], str]:
    """Return what was drawn, for JSON and for people."""
    from kg.viz.animation import Filmed

    facts: dict[str, object] = {
        "path": str(drawn.path),
        "shapes": list(drawn.ids),
        "renderer": drawn.renderer,
        "width": drawn.width,
        "height": drawn.height,
    }
    count = f"{len(drawn.ids)} of {total} shapes"
    if motion:
        facts |= {"object": motion.name}
        count = f"{len(drawn.ids)} of {len(motion)} frames"
    if isinstance(drawn, Filmed):
        facts |= {"seconds": drawn.seconds, "bytes": drawn.path.stat().st_size}
        count += f" in {drawn.seconds:.3g} s, {drawn.path.stat().st_size / 1e6:.1f} MB"
    return facts, f"{drawn.path}  {count}, {drawn.width} × {drawn.height} pixels, {drawn.renderer}"
