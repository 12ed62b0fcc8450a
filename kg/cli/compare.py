"""`kg compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kg.cli.options import Cpu, Gpu
from kg.cli.output import Json, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.compare import Comparison, Entry
    from kg.predictions import Predictions


def compare(
    targets: Annotated[list[Path], typer.Argument(help="Run folders, their names, or what kg predict wrote.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="What to measure; several by commas or repeated. Default: das."),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test", "all"], typer.Option(help="Which shapes to predict, for runs.")
    ] = "test",
    store: Annotated[
        Path | None, typer.Option(help="Predict this store with all runs, not each its own.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Rows of what the paper has on like data.")
    ] = True,
    gpu: Gpu = None,
    cpu: Cpu = False,
    as_json: Json = False,
) -> None:
    """Put runs side by side: the same metrics on the same split.

    kg compare runs/one runs/two
    kg compare runs/sweep/*shirt* --metric das,miou,correspondence
    kg compare mine.npz theirs.npz --json
    kg compare shirts-1 shirts-2 --store STORE.h5

    The last column is the difference from the first row in the first metric,
    with its 95 % interval on resampled objects: where it holds 0, the shapes
    are too few to tell the two apart.
    """
    from kg.compare import compare as put_together
    from kg.evaluate import DAS, check_names

    names = [name.strip() for entry in metric or [DAS] for name in entry.split(",") if name.strip()]
    check_names(names)
    entries = []
    for target in targets:
        entries.append(_measure(target, names, split, store, gpu, cpu))
    made = put_together(entries)
    for warning in made.warnings:
        note(f"[yellow]note[/] {warning}")
    show(made.to_dict(), as_json, *_shown(made, published))


def _measure(
    target: Path, names: list[str], split: str, store: Path | None, gpu: int | None, cpu: bool
) -> "Entry":
    from kg.compare import Entry
    from kg.evaluate import evaluate
    from kg.predictions import Predictions

    found = Predictions.load(target) if target.suffix == ".npz" else _predict(target, split, store, gpu, cpu)
    try:
        return Entry(target.stem if target.suffix == ".npz" else target.name, found, evaluate(found, names))
    except KgError as error:
        raise KgError(f"{target}: {error.message}", error.hint) from error


def _predict(run: Path, split: str, store: Path | None, gpu: int | None, cpu: bool) -> "Predictions":
    from kg.devices import choose_device
    from kg.predict import Detector, predict_store

    detector = Detector.load(run, "best", choose_device(gpu, cpu))
    with progress(f"Predicting {run.name}") as advance:
        part = None if split == "all" else split
        return predict_store(detector, store=store, split=part, progress=advance)
