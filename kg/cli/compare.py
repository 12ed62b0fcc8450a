"""`kg compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.cli.eval import Part
from kg.cli.options import Cpu, Gpu, Protocol, several
from kg.cli.output import Json, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kg.compare import Comparison
    from kg.metrics.published import Published
    from kg.predictions import Predictions
    from kg.results import Result


def compare(
    targets: Annotated[
        list[Path],
        typer.Argument(help="Runs by folder or name, the folder of a sweep, or what kg predict wrote."),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", "-m", help="What to measure; several by commas or repeated. Default: the protocol's."
        ),
    ] = None,
    protocol: Protocol = "strict",
    split: Annotated[Part, typer.Option(help="Which shapes to predict, for runs.")] = "test",
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
    kg compare runs/sweep --metric das,miou,correspondence
    kg compare mine.npz theirs.npz --json
    kg compare shirts-1 shirts-2 --store STORE.h5

    Δ is the difference from the first row in the first metric, with its 95 %
    interval on resampled objects: where it holds 0, the shapes are too few to
    tell the two apart. Rows with † are what the paper has on like data.
    """
    from kg.compare import Entry
    from kg.compare import compare as put_together
    from kg.evaluate import check_names, evaluate
    from kg.predictions import Predictions

    names = several(metric)
    if metric is not None:
        check_names(names)
    entries = []
    for target in _expand(targets):
        predicted = target.suffix == ".npz"
        found = Predictions.load(target) if predicted else _predict(target, split, store, gpu, cpu)
        try:
            results = evaluate(found, names or None, protocol=protocol)
        except KgError as error:
            raise KgError(f"{target}: {error.message}", error.hint) from error
        entries.append(Entry(target.stem if predicted else target.name, found, results))
    made = put_together(entries)
    for warning in made.warnings:
        note(f"[yellow]note[/] {warning}")
    show(made.to_dict(), as_json, *_shown(made, published))


def _expand(targets: list[Path]) -> list[Path]:
    """Return the targets, a folder of runs replaced by its runs."""
    from kg.runs import list_runs

    return [one for target in targets for one in list_runs(target) or [target]]


def _predict(run: Path, split: Part, store: Path | None, gpu: int | None, cpu: bool) -> "Predictions":
    from kg.devices import choose_device
    from kg.predict import Detector, predict_store

    detector = Detector.load(run, "best", choose_device(gpu, cpu))
    with progress(f"Predicting {run.name}") as advance:
        part = None if split == "all" else split
        return predict_store(detector, store=store, split=part, progress=advance)


def _shown(made: "Comparison", with_published: bool) -> "list[Table | Text]":
    from rich.text import Text

    from kg.compare import measured_as

    (first, first_part), *others = made.columns
    rows: list[list[Any]] = []
    for number, entry in enumerate(made.entries, start=1):
        result, found = entry.result(first), made.difference(entry, first)
        difference = "" if number == 1 or found is None else _with(f"{found.value:+.1f}", found.interval, "+")
        value = (
            "–" if result is None else _with(_figure(result, first_part), result.intervals.get(first_part))
        )
        plain = (_figure(entry.result(metric), part) for metric, part in others)
        rows.append([number, value, difference, *plain, max(of.shapes for of in entry.results)])
    theirs = made.published if with_published else ()
    for method, data, category, source in dict.fromkeys(map(_whose, theirs)):
        same = [figure for figure in theirs if _whose(figure) == (method, data, category, source)]
        of_row = {measured_as(figure): f"{figure.value:.1f}" for figure in same}
        cells = [of_row.get(metric, "") for metric, _ in made.columns]
        rows.append([f"{method} †", cells[0], "", *cells[1:], ""])
    shown = table("", ["", first, "Δ to 1", *(metric for metric, _ in others), "n"], rows)
    for column in shown.columns[1:]:
        column.justify = "right"
    said = [f"{number} {entry.label}" for number, entry in enumerate(made.entries, start=1)]
    said.append(f"Shown: {', '.join(f'{metric} {part}' for metric, part in made.columns)}.")
    said.append("Brackets hold 95 % of what other objects of the kind would give (bootstrap).")
    for source in dict.fromkeys(figure.source for figure in theirs):
        on = dict.fromkeys(f"{figure.data} {figure.category}" for figure in theirs if figure.source == source)
        said.append(f"† published, not measured here: {source}; {', '.join(on)}.")
    return [shown, Text("\n" + "\n".join(said), style="dim")]


def _whose(figure: "Published") -> tuple[str, str, str, str]:
    return figure.method, figure.data, figure.category, figure.source


def _figure(result: "Result | None", part: str) -> str:
    return "–" if result is None else f"{result.values[part]:.1f}"


def _with(figure: str, interval: tuple[float, float] | None, sign: str = "") -> str:
    return figure if interval is None else f"{figure} [{interval[0]:{sign}.1f}, {interval[1]:{sign}.1f}]"
