"""`kg eval`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kg.cli.options import Cpu, Gpu
from kg.cli.output import Json, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from rich.table import Table

    from kg.evaluate import Result
    from kg.predictions import Predictions

Part = Literal["train", "val", "test", "all"]
COLUMNS = ("metric", "part", "value", "unit", "shapes", "space", "threshold")


def evaluate(
    target: Annotated[
        Path | None,
        typer.Argument(help="What kg predict wrote, or a run folder. By default the latest run."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="What to measure; several by commas or repeated. Default: das."),
    ] = None,
    split: Annotated[
        Part | None,
        typer.Option(help="Which shapes to predict, for a run. Default: test."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="best, last, or a file, for a run. Default: best.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Another prepared store than a run's own, to predict.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Of miou (0.1, the data set's own units) or inclusivity (0.05, normalised units)."),
    ] = None,
    gpu: Gpu = None,
    cpu: Cpu = False,
    as_json: Json = False,
) -> None:
    """Measure how good keypoints are.

    kg eval                                the latest run on its test split
    kg eval out.npz --metric das,miou      what kg predict wrote
    kg eval runs/NAME --metric all --split val
    kg eval --checkpoint released.pt --store STORE.h5 --metric miou --json

    das               the next where shapes are annotated, else the one after
    das-annotated     keypoints and annotations find each other alike
    das-unsupervised  each keypoint is nearest to its namesake on the first shape
                      (as published), and on every shape in turn (mean)
    miou              keypoints lie where people annotated, within a threshold
    coverage          keypoints reach as far as the shape
    inclusivity       keypoints lie on the shape, within a threshold
    spread            keypoints keep apart
    correspondence    how far keypoints wander as an object deforms; 0 is best
    all               each that the data allow

    A template, the same points on every shape, has a das-unsupervised of 100,
    and keypoints all in one place can have a high das-annotated. So coverage
    and spread always stand beside them: only keypoints that reach across the
    shape and keep apart can mean something.
    """
    from rich.markup import escape
    from rich.text import Text

    from kg.evaluate import DAS, check_names
    from kg.evaluate import evaluate as measure

    names = [name.strip() for entry in metric or [DAS] for name in entry.split(",") if name.strip()]
    check_names(names)
    predictions = _predictions(target, split, checkpoint, store, gpu, cpu)
    results = measure(predictions, names, threshold=threshold)
    for warning, metrics in _shared(results).items():
        about = "" if len(metrics) == len(results) else f"{', '.join(metrics)}: "
        note(f"[yellow]note[/] {escape(about + warning)}")
    shown = {"predictions": predictions.meta, "results": [result.to_dict() for result in results]}
    caption = Text(f"\n{_caption(predictions, results)}", style="dim")
    show(shown, as_json, _table(results), caption)


def _predictions(
    target: Path | None,
    split: Part | None,
    checkpoint: str | None,
    store: Path | None,
    gpu: int | None,
    cpu: bool,
) -> "Predictions":
    if target is not None and target.suffix == ".npz":
        from kg.predictions import Predictions

        for option, value in (("--split", split), ("--checkpoint", checkpoint), ("--store", store)):
            if value is not None:
                raise KgError(
                    f"{target} is predicted already: {option} is for runs.",
                    f"Leave {option} out, or predict again with: kg predict {option} {value}",
                )
        return Predictions.load(target)

    from kg.devices import choose_device
    from kg.predict import Detector, predict_store

    detector = Detector.load(target, checkpoint or "best", choose_device(gpu, cpu))
    part = None if split == "all" else split or "test"
    with progress("Predicting") as advance:
        return predict_store(detector, store=store, split=part, progress=advance)


def _shared(results: "list[Result]") -> dict[str, list[str]]:
    """Return every warning once, with the metrics that it is about."""
    about: dict[str, list[str]] = {}
    for result in results:
        for warning in result.warnings:
            about.setdefault(warning, []).append(result.metric)
    return about


def _table(results: "list[Result]") -> "Table":
    rows: list[tuple[Any, ...]] = []
    for result in results:
        threshold = "" if result.threshold is None else f"{result.threshold:g}"
        where = (result.shapes, result.space.split(" (")[0], threshold)
        for part, unit in result.units.items():
            rows.append((result.metric, part, result.values[part], unit, *where))
    made = table("", COLUMNS, rows)
    for column in made.columns:
        # In a narrow terminal the unit is folded, and nothing else.
        column.no_wrap = column.header != "unit"
    return made


def _caption(predictions: "Predictions", results: "list[Result]") -> str:
    meta = predictions.meta
    data = "/".join(str(meta[key]) for key in ("dataset", "category", "variant") if meta.get(key))
    facts = {
        "data": data,
        "split": f"{meta['split']}, by {meta['split_by']}" if "split_by" in meta else meta.get("split"),
        "unit": meta.get("unit"),
        "run": meta.get("run"),
        "checkpoint": meta.get("checkpoint"),
        "preset": meta.get("preset"),
        "seed": meta.get("seed"),
        "inference": meta.get("inference"),
        "reference": next((result.reference for result in results if result.reference), None),
    }
    return "\n".join(f"{name:<11}{value}" for name, value in facts.items() if value not in (None, ""))
