"""`kg eval`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kg.cli.options import Cpu, Csv, Floors, Gpu, Kernels, Latex, Metrics, Part, Protocol, Threads, several
from kg.cli.output import Json, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kg.evaluation.floors import Floor
    from kg.evaluation.results import Result
    from kg.evaluation.robustness import Robustness
    from kg.inference.predictions import Predictions
    from kg.inference.redetection import Redetection


def evaluate(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TARGET",
            help="What kg predict wrote, a run, a sweep or a checkpoint file; of several, the mean. "
            "By default the latest run.",
        ),
    ] = None,
    metric: Metrics = None,
    protocol: Protocol = "strict",
    split: Annotated[
        Part | None,
        typer.Option(help="Which shapes to predict, for a run. Default: test."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="best, last, or a file, for a run. Default: best.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Another prepared store than a run's own; for predictions, where theirs lies."),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure keypoints of another program on the shapes of --store: .npy (n, K, 3), all shapes "
            "or those of --split in their order, or .npz with keypoints and ids.",
        ),
    ] = None,
    space: Annotated[
        Literal["normalised", "source"],
        typer.Option(help="Of --keypoints: as the store's points, or in its source's units."),
    ] = "normalised",
    threshold: Annotated[
        float | None,
        typer.Option(help="Of miou, pck (0.1, the data set's units) or inclusivity (0.05, normalised)."),
    ] = None,
    corrupt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=FROM:TO[:STEPS]]",
            help="Measure on ever worse clouds too; repeated for several, help lists them.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is random in --corrupt.")] = 0,
    floors: Floors = True,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves: .png, .svg or .pdf.", metavar="FILE")
    ] = None,
    csv: Csv = None,
    latex: Latex = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a report for others: one HTML file with figures, curves and pictures.", metavar="FILE"
        ),
    ] = None,
    gpu: Gpu = None,
    cpu: Cpu = False,
    threads: Threads = None,
    kernels: Kernels = None,
    as_json: Json = False,
) -> None:
    """Measure how good keypoints are.

    kg eval                                the latest run on its test split
    kg eval out.npz --metric das,miou      what kg predict wrote
    kg eval runs/a runs/b runs/c           mean over trainings
    kg eval --protocol paper               as the paper's tables count
    kg eval runs/NAME --metric all --split val
    kg eval --corrupt noise=0:0.08 --corrupt occlusion --plot curves.pdf
    kg eval --metric all --report shirts.html
    kg eval --checkpoint released.pt --store STORE.h5 --metric miou --json
    kg eval --keypoints theirs.npy --store STORE.h5 --space source

    das               the next where shapes are annotated, else the one after
    das-annotated     keypoints and annotations find each other alike
    das-rest          the same, of the places on an object at rest
    das-unsupervised  each keypoint is nearest to its namesake on the first shape
                      (as published), and on every shape in turn (mean)
    miou              keypoints lie where people annotated, within a threshold
    miou-geodesic     the same along the surface
    pck               annotations lie at the keypoint that stands for them on
                      other objects, within a threshold
    coverage          keypoints reach as far as the shape
    inclusivity       keypoints lie on the shape, within a threshold
    spread            keypoints keep apart
    correspondence    how far keypoints wander as an object deforms, by thirds
                      of its sequence too; 0 is best
    correspondence-symmetric
                      the same, each cloud as it is or turned by half a turn,
                      for garments that lie any way
    reliability       confidences are the shares of keypoints within 5 % of the
                      extent; how far they are from that, 0 is best
    repeatability     how far they move when it is turned, noisy or thinned
    chamfer           how far the decoder's cloud is from the shape
    all               each that the data allow

    A template, the same points on every shape, has a das-unsupervised of 100,
    and keypoints all in one place can have a high das-annotated. So coverage
    and spread always stand beside them: only keypoints that reach across the
    shape and keep apart can mean something.

    Below the figures stand those of keypoints that no detector found, on the
    same clouds, by which to read them. Where places at rest are known: oracle,
    material points followed exactly, and stands still, one set of points for
    all. Elsewhere: oracle, the annotations themselves; template, the mean of
    the keypoints; box, the corners of each cloud's box.

    The column 95 % is what other objects of the kind would give (bootstrap).
    """
    if protocol == "help":
        _list_protocols(as_json)
        return
    if "help" in (corrupt or []):
        _list_corruptions(as_json)
        return
    from rich.markup import escape

    from kg.cli.figures import (
        caption,
        figures,
        floors_table,
        levels_table,
        panels_of,
        plot_caption,
        thirds_tables,
    )
    from kg.evaluation.aggregate import in_common, mean_over_runs, mean_robustness
    from kg.evaluation.comparable import check_same_data, differences
    from kg.evaluation.evaluate import asks_detector, check_names
    from kg.evaluation.evaluate import evaluate as measure
    from kg.evaluation.floors import measure_floors
    from kg.evaluation.foreign import read_keypoints
    from kg.evaluation.metrics import METRICS
    from kg.evaluation.protocols import find_protocol
    from kg.evaluation.robustness import measure_robustness, parse_corruption
    from kg.evaluation.tables import write_csv, write_latex
    from kg.inference.front import predictions_of
    from kg.inference.targets import find_targets

    names = several(metric, "--metric")
    if names:
        check_names(names)
    wanted = find_protocol(protocol)
    asked = [parse_corruption(text) for text in corrupt or []]
    if plot is not None:
        from kg.viz.curves import check_plot, draw_curves

        check_plot(plot)
    if report is not None and report.suffix != ".html":
        raise KgError(f"A report is an .html file, not '{report.suffix}'.", "For example: --report out.html")
    asking = [name for name in names if name in METRICS and METRICS[name].truth == "detector"]
    # What corrupts clouds by itself has nothing to tell of corrupted ones.
    if asked and (wanted.corruption is not None or (names and names == asking)):
        what = ", ".join(asking) if asking else f"the protocol '{wanted.name}'"
        raise KgError(f"--corrupt does not go with {what}, which detects anew itself.", "Leave one out.")

    def results_of(predictions: "Predictions", again: "Redetection | None" = None) -> "list[Result]":
        chosen = names if again else [name for name in names if name not in asking or not asked]
        return measure(predictions, chosen or None, threshold=threshold, protocol=protocol, detector=again)

    per_run, per_corruption, found, first = [], [], [], None
    with progress("Predicting") as advance:
        of: list[Path | None] = [target.path for target in find_targets(targets or [])] or [None]
        for target in of:
            if keypoints is not None:
                if store is None or targets or checkpoint:
                    raise KgError(
                        "--keypoints goes with --store and with no detector.",
                        "For example: kg eval --keypoints theirs.npy --store STORE.h5",
                    )
                predictions, again = (
                    read_keypoints(keypoints, store, space=space, split=split or "test"),
                    None,
                )
            else:
                predictions, again = predictions_of(
                    target,
                    advance,
                    split=split,
                    checkpoint=checkpoint,
                    store=store,
                    gpu=gpu,
                    cpu=cpu,
                    seed=seed,
                    again=bool(asked or report) or asks_detector(names, wanted),
                )
            found.append(predictions)
            check_same_data(found[0], predictions)
            per_run.append(results_of(predictions, again))
            first = first or (predictions, again)
            if asked:
                if again is None:
                    raise KgError(
                        f"No run here made {keypoints or target}: --corrupt detects anew.",
                        "Name the run instead of its predictions.",
                    )
                per_corruption.append(measure_robustness(again, asked, results_of))
    results = mean_over_runs(per_run)
    compared: list[Floor] = []
    if floors:
        # The clouds are the same for all runs; only a template is of the first one.
        compared = measure_floors(found[0], per_run[0], threshold=threshold, protocol=protocol)
    curves = [mean_robustness(of_runs) for of_runs in zip(*per_corruption, strict=True)]
    meta = in_common([predictions.meta for predictions in found])
    for text in differences(found):
        note(f"[yellow]note[/] {escape(text)}")
    for warning, about in _shared(results).items():
        named = "" if len(about) == len(results) else f"{', '.join(about)}: "
        note(f"[yellow]note[/] {escape(named + warning)}")
    if csv is not None:
        write_csv(csv, results, meta, curves, compared)
    if latex is not None:
        write_latex(latex, results, meta, curves, compared)
    if plot is not None:
        draw_curves(plot, panels_of(results, curves), plot_caption(results, meta))
    if report is not None and first is not None:
        pictured, again = first
        if again is not None and wanted.corruption is not None:
            pictured = again.corrupted(*wanted.corruption)
        _write_report(report, pictured, again, results, curves, compared)
    shown = {
        "predictions": meta,
        "results": [result.to_dict() for result in results],
        "floors": [floor.to_dict() for floor in compared],
    }
    if curves:
        shown["robustness"] = [curve.to_dict() for curve in curves]
    tables: list[RenderableType] = [
        figures(results),
        *thirds_tables(results, compared),
        *floors_table(results, compared),
    ]
    tables += map(levels_table, curves)
    show(shown, as_json, *tables, caption(results, meta))


def _write_report(
    path: Path,
    predictions: "Predictions",
    again: "Redetection | None",
    results: "list[Result]",
    curves: "list[Robustness]",
    floors: "list[Floor]",
) -> None:
    from contextlib import suppress

    from kg.evaluation.report import Subject, write_report
    from kg.train.runs import find_run

    run = None
    if name := predictions.meta.get("run"):
        with suppress(KgError):
            run = find_run(name)
    write_report(path, Subject.of(predictions, again, results, curves, run, floors))
    note(f"Wrote [bold]{path}[/]")


def _shared(results: "list[Result]") -> dict[str, list[str]]:
    """Return every warning once, with the metrics that it is about."""
    about: dict[str, list[str]] = {}
    for result in results:
        for warning in result.warnings:
            about.setdefault(warning, []).append(result.metric)
    return about


def _list_protocols(as_json: bool) -> None:
    from kg.evaluation.protocols import PROTOCOLS

    rows = [
        (protocol.name, protocol.title, ", ".join(protocol.metrics + protocol.optional), protocol.source)
        for protocol in PROTOCOLS.values()
    ]
    shown = {"protocols": [asdict(protocol) for protocol in PROTOCOLS.values()]}
    show(shown, as_json, table("", ("protocol", "how", "metrics", "source"), rows))


def _list_corruptions(as_json: bool) -> None:
    from kg.data.corruptions import CORRUPTIONS

    rows = [
        (
            name,
            kind.title,
            " ".join(f"{level:g}" for level in kind.spaced(*kind.levels)),
            kind.unit or kind.label,
        )
        for name, kind in CORRUPTIONS.items()
    ]
    shown = {
        "corruptions": [dict(zip(("name", "title", "levels", "unit"), row, strict=True)) for row in rows]
    }
    show(shown, as_json, table("", ("corruption", "what happens to a cloud", "levels", "unit"), rows))
