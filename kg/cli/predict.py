"""`kg predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kg.cli.options import Cpu, Gpu, Kernels, Part, Precision, Run, Threads, Variant
from kg.cli.output import Json, note, progress, show
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.inference.predictions import Predictions


def predict(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(help="Meshes or clouds. By default the test split of what the run was trained on."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("out.npz"),
    run: Run = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="best, last, or a file; the released Key-Grid's checkpoints work too. Default: best."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Another prepared store to predict, by path or URL.")
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            "-c",
            help="Which store to predict; or which category your shapes are of.",
        ),
    ] = None,
    variant: Variant = None,
    split: Annotated[Part, typer.Option(help="Part of the store.")] = "test",
    inference: Annotated[
        Literal["soft", "hard"] | None,
        typer.Option(
            help="Keypoints as weighted means of the cloud, or as points of it. Default: the run's."
        ),
    ] = None,
    up: Annotated[
        Literal["x", "y", "z", "-x", "-y", "-z"],
        typer.Option(help="The axis of these shapes that corresponds to z in training."),
    ] = "z",
    search: Annotated[
        Literal["none", "yaw", "sides", "tilts"],
        typer.Option(
            help="Find out how each cloud is turned: yaw, about the vertical; sides, and with which side up. "
            "follow sees it, in up to twice the time; else 12 or 24 turns are tried, and the surest kept. "
            "tilts: tilted or not, as what the wind blows or a hand holds; five are tried."
        ),
    ] = "none",
    views: Annotated[
        int,
        typer.Option(
            min=1,
            help="Combine so many views of each cloud, mirrored and turned a little: follow gets more "
            "accurate, and takes so many times as long.",
        ),
    ] = 1,
    anchors: Annotated[
        str | None,
        typer.Option(
            metavar="ANCHORS",
            help="Read keypoints of follow out elsewhere: seams, sure, farthest, landmarks, a run that found "
            "keypoints at rest, or SHAPE:PICKS, points of a mesh at rest. Default: as trained.",
        ),
    ] = None,
    dense: Annotated[
        bool,
        typer.Option(
            "--dense",
            help="Also write where on its object at rest every point lies; kg viz colours clouds by it.",
        ),
    ] = False,
    track: Annotated[
        bool,
        typer.Option(
            "--track",
            help="Use the other frames of an object for each frame. Files are frames of one object, in their "
            "order.",
        ),
    ] = False,
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Also write each shape's rotation to the frame of its category, which its keypoints give.",
        ),
    ] = False,
    turned: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SEED",
            help="Turn each shape at random first, as kg eval --protocol se3 does with this seed.",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1)] = 8,
    precision: Precision = None,
    gpu: Gpu = None,
    cpu: Cpu = False,
    threads: Threads = None,
    kernels: Kernels = None,
    as_json: Json = False,
) -> None:
    """Predict keypoints and write them to a file.

    One camera's view hides parts of an object: follow says which keypoints
    are not visible, by their confidence. What is written of them is a guess.

    kg predict                                    the latest run on its test split
    kg predict scan.ply shirt.obj -o mine.npz     your own shapes
    kg predict scan.ply --up y                    y is up here, z was in training
    kg predict scan.ply --search sides            it lies any way
    kg predict --views 6                          mirrored and turned as well
    kg predict --run NAME --split val
    kg predict scan.ply --run garments            a detector that comes with kg
    kg predict --run garments -c skirt --variant fold
    kg predict --anchors landmarks                of the same network
    kg predict --anchors shirt.obj:12,90,417      points that you picked
    kg predict --track frames/                    a sequence, frame by frame
    kg predict --dense                            the place at rest of each point
    kg predict --align scan.ply                   how it lies, by its keypoints
    kg predict --turned 0 --align                 the test shapes, turned
    kg predict --checkpoint released.pt plane.pcd
    """
    from kg import paths
    from kg.devices import choose_device
    from kg.inference.front import load
    from kg.inference.front import predict as predict_named

    if output.suffix != ".npz":
        raise KgError(f"Predictions are .npz files, not '{output.suffix}'.", "For example: -o out.npz")
    paths.require_writable(output)
    files = [path for entry in inputs or [] for path in _expand(entry)]
    detector = load(
        run,
        checkpoint=checkpoint,
        device=choose_device(gpu, cpu),
        up=up,
        anchors=anchors,
        search=search,
        views=views,
    )
    if unused := detector.checkpoint.unused:
        note(f"A checkpoint of the released Key-Grid; {len(unused)} parameters that nothing reads left out.")
    with progress("Predicting") as advance:
        made = predict_named(
            detector,
            files or None,
            store=store,
            category=category,
            variant=variant,
            split=split,
            inference=inference,
            batch_size=batch_size,
            precision=precision or "fp32",
            dense=dense,
            track=track,
            align=align,
            turned=turned,
            progress=advance,
        )
    made.save(output)
    result = {
        "output": str(output),
        "shapes": len(made),
        "keypoints": made.keypoints.shape[1],
        "confidence": float(made.confidences.mean()),
        "not_visible": None if made.visible is None else int((~made.visible).sum()),
        **made.meta,
    }
    show(
        result,
        as_json,
        f"Wrote {output}: {len(made)} shapes x {made.keypoints.shape[1]} keypoints, "
        f"{made.meta['inference']} inference in {made.meta['precision']}, "
        f"mean confidence {made.confidences.mean():.2f}.{_hidden(made)}",
        f"Next: kg viz {output}",
    )


def _hidden(made: "Predictions") -> str:
    """Return how many keypoints are not visible, if any."""
    if made.visible is None or made.visible.all():
        return ""
    return f" {(~made.visible).sum()} of the {made.visible.size} keypoints are not visible."


def _expand(entry: Path) -> list[Path]:
    """Return the shape files of a folder, or the file itself."""
    from kg.data.read import SUFFIXES, shape_files

    if not entry.is_dir():
        return [entry]
    files = shape_files(entry)
    if not files:
        raise KgError(f"{entry} holds no shapes.", f"Readable: {' '.join(sorted(SUFFIXES))}")
    return files
