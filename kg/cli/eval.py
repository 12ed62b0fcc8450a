"""`kg eval`."""

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
from kg.cli.output import Json, note, progress, show
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.inference.predictions import Predictions


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
    space: Space = "normalised",
    threshold: Annotated[
        float | None,
        typer.Option(help="Threshold of miou, pck (0.1, data set's units), inclusivity (0.05, normalised)."),
    ] = None,
    corrupt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=FROM:TO[:STEPS]]",
            help="Also measure on clouds that get worse step by step; may be repeated; help lists them.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of --corrupt, and of the turns of se3 and useek.")
    ] = 0,
    floors: Floors = True,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves: .png, .svg or .pdf.", metavar="FILE")
    ] = None,
    csv: Csv = None,
    latex: Latex = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a report for others: one HTML file with results, curves and pictures.", metavar="FILE"
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
    kg eval --protocol se3                 each shape turned at random
    kg eval runs/NAME --metric all --split val
    kg eval --corrupt noise=0:0.08 --corrupt occlusion --plot curves.pdf
    kg eval --metric all --report shirts.html
    kg eval --checkpoint released.pt --store STORE.h5 --metric miou --json
    kg eval --keypoints theirs.npy --store STORE.h5 --space source

    das               das-annotated where shapes are annotated, else
                      das-unsupervised
    das-annotated     keypoints and annotations find each other alike
    das-rest          the same with places on the object at rest
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
    correspondence-visible
                      the same, of keypoints whose place the cloud shows, for
                      views of one camera
    reliability       how far confidences are from the share of keypoints within
                      5 % of the extent; 0 is best
    repeatability     how far they move when it is turned, noisy or thinned
    equivariance      how far they are from turning with a shape that is turned
    rotation-error    error of the rotation that keypoints give, in degrees
    chamfer           how far the decoder's cloud is from the shape
    all               every metric that the data allow

    A template, the same points on every shape, has a das-unsupervised of 100,
    and keypoints all in one place can have a high das-annotated. So coverage
    and spread always stand beside them: only keypoints that reach across the
    shape and keep apart can mean something.

    Below the results are those of reference keypoints on the same clouds. If
    places at rest are known: oracle, points of the cloth followed exactly, and
    stands still, one set of points for all. Otherwise: oracle, the annotations
    themselves; template, the mean of the keypoints; box, the corners of each
    cloud's box.

    If landmarks have names, a table says which keypoint lies on which: nearer
    than the others, and within a tenth of the diagonal.

    The column 95 % is the interval for other objects of the kind (bootstrap).
    """
    if show_help(as_json, metrics=metric, protocols=[protocol], corruptions=corrupt):
        return

    from kg import paths
    from kg.cli.results import (
        caption,
        floors_table,
        landmarks_table,
        levels_table,
        results_table,
        thirds_tables,
    )
    from kg.devices import choose_device
    from kg.evaluation.curves import check_plot
    from kg.evaluation.foreign import read_keypoints
    from kg.evaluation.front import evaluate as measure
    from kg.evaluation.plot import check_curves, write_plot
    from kg.evaluation.report import check_report, write_report
    from kg.evaluation.tables import write_csv, write_latex

    paths.require_writable(csv, latex, plot, report)
    if plot is not None:
        check_plot(plot)
        check_curves(several(metric, "--metric"), corrupt or ())
    if report is not None:
        check_report(report)
    measured: list[Path] | Predictions | None = targets or None
    if keypoints is not None:
        if store is None or targets or checkpoint:
            raise KgError(
                "--keypoints goes with --store and with no detector.",
                "For example: kg eval --keypoints theirs.npy --store STORE.h5",
            )
        measured = read_keypoints(keypoints, store, space=space, split=split or "test")
        split = None
    with progress("Evaluating") as advance:
        evaluation = measure(
            measured,
            several(metric, "--metric") or None,
            protocol=protocol,
            threshold=threshold,
            split=split,
            checkpoint=checkpoint,
            store=store,
            corruptions=corrupt or (),
            seed=seed,
            floors=floors,
            redetect=report is not None,
            device=choose_device(gpu, cpu),
            progress=advance,
        )
    for text in evaluation.notes():
        note(text, "note")
    results, beside = evaluation.results, evaluation.floors
    show(
        evaluation.to_dict(),
        as_json,
        results_table(results),
        *thirds_tables(results, beside),
        *floors_table(results, beside),
        *landmarks_table(evaluation.landmarks),
        *map(levels_table, evaluation.robustness),
        caption(results, evaluation.meta),
    )
    # Behind the results: whatever may be wrong with a file, these are told.
    for write, path in ((write_csv, csv), (write_latex, latex), (write_plot, plot), (write_report, report)):
        if path is not None:
            write(path, evaluation)
            note(f"Wrote {path}")
