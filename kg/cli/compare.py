"""`kg compare`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.inventory import show_help
from kg.cli.options import (
    Cpu,
    Csv,
    Floors,
    Gpu,
    Kernels,
    Latex,
    Metrics,
    Part,
    Protocol,
    Space,
    Threads,
    several,
)
from kg.cli.output import Json, note, plain, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kg.evaluation.compare import Comparison


def compare(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TARGET",
            help="A run or a sweep, by folder or name, latest, a checkpoint file, or what kg predict wrote.",
        ),
    ] = None,
    metric: Metrics = None,
    protocol: Protocol = "strict",
    split: Annotated[Part, typer.Option(help="Which shapes to predict, for runs.")] = "test",
    store: Annotated[
        Path | None, typer.Option(help="Predict this store with all runs, instead of their own.")
    ] = None,
    keypoints: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Keypoints of another program on the shapes of --store, as in kg eval; may be repeated.",
        ),
    ] = None,
    space: Space = "normalised",
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Rows of published results on such data.")
    ] = True,
    floors: Floors = True,
    csv: Csv = None,
    latex: Latex = None,
    gpu: Gpu = None,
    cpu: Cpu = False,
    threads: Threads = None,
    kernels: Kernels = None,
    as_json: Json = False,
) -> None:
    """Put runs side by side: the same metrics on the same split.

    kg compare runs/one runs/two
    kg compare sweep --metric das,miou,correspondence
    kg compare mine.npz theirs.npz --latex table.tex
    kg compare shirts-1 shirts-2 --store STORE.h5
    kg compare latest --keypoints theirs.npy --store STORE.h5

    Δ is the difference from the first row in the first metric, with its 95 %
    interval on resampled objects: if that contains 0, the shapes are too few to
    tell the two apart. Rows without a number are reference keypoints, on the
    clouds of row 1 unless a row says otherwise. Rows with † are published results
    on such data.
    """
    if show_help(as_json, metrics=metric, protocols=[protocol]):
        return
    from kg import paths
    from kg.devices import choose_device
    from kg.evaluation.compare import Entry, write_latex
    from kg.evaluation.compare import compare as put_together
    from kg.evaluation.evaluate import check_names
    from kg.evaluation.foreign import read_keypoints
    from kg.evaluation.front import evaluate
    from kg.evaluation.tables import save_csv
    from kg.inference.targets import find_targets

    paths.require_writable(csv, latex)
    names = several(metric, "--metric") or None
    if names:
        check_names(names)
    if not targets and not keypoints:
        raise KgError("Nothing is named to compare.", "For example: kg compare RUN OTHER_RUN")
    if keypoints and store is None:
        raise KgError("--keypoints needs the --store that they are of.", "For example: --store STORE.h5")
    measure = partial(evaluate, metrics=names, protocol=protocol, device=choose_device(gpu, cpu))
    entries = []
    for target in find_targets(targets or []):
        # What a file holds is predicted already.
        is_file = target.kind == "predictions"
        with progress(f"Predicting {target.label}") as advance:
            try:
                made = measure(
                    target.path,
                    split=None if is_file else split,
                    store=None if is_file else store,
                    floors=floors,
                    progress=advance,
                )
            except KgError as error:
                raise KgError(f"{target.path}: {error.message}", error.hint) from error
        entries.append(Entry(target.label, made.predictions, made.results, made.floors))
    for file in keypoints or []:
        assert store is not None
        theirs = read_keypoints(file, store, space=space, split=split)
        entries.append(Entry(file.stem, theirs, measure(theirs, floors=False).results))
    comparison = put_together(entries)
    for warning in comparison.warnings:
        note(warning, "note")
    show(comparison.to_dict(), as_json, *_shown(comparison, published))
    if csv is not None:
        save_csv(csv, comparison.rows(published))
    if latex is not None:
        write_latex(latex, comparison, published)


def _shown(made: "Comparison", published: bool) -> "list[Table | Text]":
    heading, *lines = made.grid(published)
    # Names are long, and stand below.
    numbered = [[str(number), *line[1:]] for number, line in enumerate(lines, start=1)]
    numbered[len(made.entries) :] = lines[len(made.entries) :]
    # A metric's name is wider than its results.
    folded = (name if "Δ" in name else name.replace("-", "-\n").replace(" ", "\n") for name in heading)
    shown = table("", tuple(folded), numbered)
    for column in shown.columns[1:]:
        column.justify = "right"
    names = [f"{number} {entry.label}" for number, entry in enumerate(made.entries, start=1)]
    return [shown, plain("\n".join(["", *names, *made.captions(published)]), "dim")]
