"""`kg viz`."""

from pathlib import Path
from typing import Annotated

import typer

from kg.cli.output import Json, note, show


def viz(
    predictions: Annotated[Path, typer.Argument(help="What kg predict wrote.")] = Path("out.npz"),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The picture: .png, .svg or .pdf.", show_default="beside the predictions"
        ),
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Open a window; writes a file only with -o.")
    ] = False,
    shapes: Annotated[int, typer.Option(min=1, help="How many shapes, evenly chosen from all.")] = 12,
    ids: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Show this shape; can be given again.")
    ] = None,
    columns: Annotated[
        int | None, typer.Option(min=1, help="Shapes in a row.", show_default="a balanced page")
    ] = None,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Pixels of a shape's longer side.")] = 400,
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
    up: Annotated[str, typer.Option(help="The axis that is up in the clouds: y or z.")] = "y",
    background: Annotated[str, typer.Option(help="A colour: a name or #rrggbb.")] = "white",
    renderer: Annotated[
        str, typer.Option(help="pyvista, matplotlib (needs no graphics library), or auto.")
    ] = "auto",
    as_json: Json = False,
) -> None:
    """Draw predictions: clouds, keypoints and skeletons, many shapes on one sheet.

    A keypoint has one colour on all shapes; all are seen from one side,
    at one scale. The thicker an edge, the greater its weight.

    kg viz out.npz
    kg viz out.npz --shapes 6 --columns 3 --labels -o figure.pdf
    kg viz out.npz --ids shirt-0007 --size 1200 --view front
    kg viz out.npz --window
    """
    from kg.predictions import Predictions
    from kg.viz import Style, render
    from kg.viz import show as show_window

    style = Style(size, columns, edges, edge_threshold, labels, view, up, background, renderer)
    loaded = Predictions.load(predictions)
    result: dict[str, object] = {"path": None, "shapes": [], "total": len(loaded)}
    line = ""
    if output or not window:
        drawn = render(loaded, output or predictions.with_suffix(".png"), shapes, ids or (), style)
        if drawn.note:
            note(drawn.note)
        result |= {"path": str(drawn.path), "shapes": list(drawn.ids), "renderer": drawn.renderer}
        result |= {"width": drawn.width, "height": drawn.height}
        line = (
            f"[bold]{drawn.path}[/]  {len(drawn.ids)} of {len(loaded)} shapes, "
            f"{drawn.width} × {drawn.height} pixels, {drawn.renderer}"
        )
    if window:
        result["shapes"] = list(show_window(loaded, shapes, ids or (), style))
    show(result, as_json, *([line] if line else []))
