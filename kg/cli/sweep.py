"""`kg sweep`."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.data import open_stores
from kg.cli.inventory import show_help
from kg.cli.options import (
    BatchSize,
    Cluster,
    Csv,
    Dataset,
    Epochs,
    Farthest,
    Floors,
    Kernels,
    Keypoints,
    Latex,
    Points,
    Precision,
    Protocol,
    Set,
    SplitBy,
    Threads,
    assignment,
    counting,
    several,
    texts,
)
from kg.cli.output import Json, note, plain, show, table
from kg.cli.sweep_progress import Watch, duration
from kg.cli.train_options import list_options
from kg.errors import KgError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kg.sweep.plan import Job
    from kg.sweep.pool import Slot
    from kg.sweep.summary import Summary


def sweep(
    category: Annotated[
        list[str] | None, typer.Option("--category", "-c", help="What to train on; several.")
    ] = None,
    dataset: Dataset = None,
    variant: Annotated[list[str] | None, typer.Option(help="Prepared variant; several.")] = None,
    store: Annotated[list[Path] | None, typer.Option(help="A prepared store by its path; several.")] = None,
    preset: Annotated[
        list[str] | None, typer.Option("--preset", "-p", help="kg, quick, paper or release; several.")
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What finds keypoints, as in kg train; several; help lists them. NAME:OPTION=VALUE sets an "
            "option for this one alone.",
        ),
    ] = None,
    option: Set = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="A part of the method to leave out, as in kg train; none for all of it; a+b for two at "
            "once; several.",
        ),
    ] = None,
    ablation: Annotated[
        bool,
        typer.Option(
            "--ablation",
            help="The paper's Table 5: --without none and each part alone, beside the published results.",
        ),
    ] = False,
    seed: Annotated[list[str] | None, typer.Option(help="Several, or 0,1,2. Default: 0.")] = None,
    keypoints: Keypoints = None,
    farthest: Farthest = None,
    points: Points = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    precision: Precision = None,
    split_by: SplitBy = "object",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="What to measure, as in kg eval. Default: das, and correspondence where it is known.",
        ),
    ] = None,
    protocol: Protocol = "strict",
    name: Annotated[str, typer.Option(help="Folder of the sweep in the runs folder.")] = "sweep",
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings at a time. Default: one per GPU, or one per two cores."),
    ] = None,
    gpu: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Use this GPU; several. Default: all.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Use the CPU even where there are GPUs.")] = False,
    threads: Threads = None,
    kernels: Kernels = None,
    cluster: Cluster = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be trained, and for about how long.")
    ] = False,
    floors: Floors = True,
    csv: Csv = None,
    latex: Latex = None,
    as_json: Json = False,
) -> None:
    """Train and measure many detectors: categories x methods x seeds, in one table.

    kg sweep -c shirt -c tie --seed 0,1,2                  mean and deviation
    kg sweep -c bed --detector key-grid,sc3k,template      methods of the field
    kg sweep -c shirt --set sigma=0.05 --set sigma=0.2     an option, two values
    kg sweep -c shirt -c tie --preset kg --preset release  two presets
    kg sweep -c shirt --ablation --seed 0,1,2              the paper's Table 5
    kg sweep -c shirt --ablation --dry-run                 what it would do
    kg sweep -c shirt --seed 0,1,2 --cluster tcp://head:8786

    Every option that is repeated, or has commas, is varied. Each combination
    is trained as by kg train, in RUNS/sweep (--name), and measured on its test
    split. After Ctrl-C or a crash the same command resumes what was
    interrupted. A command with more options adds their trainings to the sweep.
    """
    if show_help(as_json, metrics=metric, protocols=[protocol], presets=preset, detectors=detector):
        return
    if option and "help" in option:
        first, *_ = several(preset, "--preset") or ["kg"]
        named, *_ = several(detector, "--detector") or [""]
        list_options(first, named.partition(":")[0] or None, None, as_json)
        return
    from kg import paths
    from kg.config import ABLATIONS
    from kg.data.cluster import connected
    from kg.evaluation.evaluate import check_names
    from kg.evaluation.ground_truth import check_store
    from kg.evaluation.protocols import find_protocol
    from kg.sweep import plan, state
    from kg.sweep.cluster import Starter, worker_slots
    from kg.sweep.costs import summarise_costs
    from kg.sweep.pool import Pool
    from kg.sweep.summary import summarise, write_csv, write_latex
    from kg.train import runs

    runs.check_name(name)
    if metric:
        check_names(several(metric, "--metric"))
    held = find_protocol(protocol).name
    if ablation and without:
        raise KgError("--ablation says which parts are left out.", "Leave --without out.")
    parts = [plan.NONE, *ABLATIONS] if ablation else several(without, "--without")
    common = texts(
        farthest=farthest,
        points=points,
        epochs=epochs,
        batch_size=batch_size,
        precision=precision,
    )
    common |= counting(keypoints)
    methods = plan.plan_methods(
        several(preset, "--preset") or ["kg"],
        [assignment(text) for text in option or []],
        parts,
        common,
        split_by,
        several(detector, "--detector"),
    )
    categories = several(category, "--category")
    if not store and not categories:
        raise KgError("Nothing is named to train on.", "For example: kg sweep -c shirt -c tie")
    first = (several(preset, "--preset") or ["kg"])[0]
    variants = several(variant, "--variant")
    stores = open_stores(store, categories, dataset, variants, preset=first, dry_run=dry_run)
    names = several(metric, "--metric") or plan.usual_metrics(stores, split_by)
    measure = ["eval", "--metric", ",".join(names), "--protocol", held, "--json"]
    if not floors:
        measure.append("--no-floors")
    for each in stores:
        check_store(names, each, split_by)
    for method, lacks in plan.lacking(methods, stores):
        note(f"{method.label} learns from places at rest or sequences that {lacks.name} lacks: left out.")
    planned = plan.plan_jobs(methods, stores, _seeds(seed), (paths.runs() / name).resolve())
    state.check_options(planned)
    left = [job for job in planned if not state.is_trained(job)]
    if cluster and gpu:
        raise KgError("Workers of a cluster choose their device themselves.", "Leave --gpu out.")
    slots = _slots(jobs, gpu, cpu, len(planned))
    if dry_run:
        _show_plan(planned, state.seconds_left(left, len(slots)), len(slots), as_json)
        return
    _caution(planned)
    unmeasured = [job for job in planned if job in left or state.measured(job, measure) is None]
    with connected(cluster) if cluster else nullcontext() as client:
        starter = None
        if client is not None:
            slots, starter = [*worker_slots(client, jobs, cpu, len(planned))], Starter(client)
        note(
            f"{len(planned)} trainings in {paths.runs() / name}, {len(planned) - len(left)} of them "
            f"finished; {len(slots)} at a time, {slots[0].threads} threads each"
        )
        with Watch(unmeasured, len(planned), len(slots)) as watch:
            pool = Pool(slots, measure, watch.look, watch.end, watch.stop, starter)
            pool.run(unmeasured)

    answers = {job: answer for job in planned if (answer := state.measured(job, measure))}
    summaries = summarise(answers, planned, ablation)
    costs = summarise_costs(planned) if summaries else []
    result = {
        "sweep": str(paths.runs() / name),
        "trained": len(answers),
        "failed": {job.name: reason for job, reason in pool.failed.items()},
        "tables": [made.to_dict() for made in summaries],
        "costs": [made.to_dict() for made in costs],
    }
    show(result, as_json, *(part for made in (*summaries, *costs) for part in _shown(made)))
    for path, write in ((csv, write_csv), (latex, write_latex)):
        if path is not None and summaries:
            write(path, [*summaries, *costs])
    if pool.failed:
        for job, reason in pool.failed.items():
            note(f"{job.name}: {reason}", "failed")
        raise KgError(
            f"{len(pool.failed)} of {len(planned)} trainings failed.",
            f"What they said: {next(iter(pool.failed)).sweep / 'logs'}. The same command tries them again.",
        )


def _seeds(entries: Sequence[str] | None) -> list[int]:
    texts = several(entries, "--seed") or ["0"]
    if wrong := [text for text in texts if not text.isdigit()]:
        raise typer.BadParameter(f"'{wrong[0]}' is no whole number.", param_hint="--seed")
    return [int(text) for text in texts]


def _slots(count: int | None, gpu: Sequence[int] | None, cpu: bool, jobs: int) -> "list[Slot]":
    import torch

    from kg.devices import choose_device
    from kg.devices import threads as available
    from kg.sweep.pool import make_slots

    numbers: list[int | None] = [*(gpu or ())]
    for number in numbers or [None]:
        choose_device(number, cpu)  # says what is wrong with it
    there = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    return make_slots(count, [] if cpu else gpu or there, available(), jobs)


def _caution(planned: "Sequence[Job]") -> None:
    """Say when ablations cannot tell anything apart."""
    ablated = [job for job in planned if job.recipe.without]
    short = [job for job in ablated if job.config.train.epochs <= job.config.train.similarity_delay]
    if short:
        delay = short[0].config.train.similarity_delay
        note(
            f"The similarity loss begins after {delay} epochs: in {short[0].config.train.epochs}, nothing "
            "but the farthest point loss makes a difference. Train longer, or --set similarity_delay=...",
            "note",
        )


def _show_plan(planned: "Sequence[Job]", seconds: float | None, together: int, as_json: bool) -> None:
    from kg.sweep import state

    rows = []
    for job in planned:
        done, epochs = state.epochs_done(job), job.config.train.epochs
        what = "finished" if done >= epochs else f"resume at {done}" if job.folder.is_dir() else "train"
        rows.append([job.store.name, job.method.label, job.seed, epochs, what])
    columns = ["data", "method", "seed", "epochs", ""]
    todo = sum(row[-1] != "finished" for row in rows)
    time = "for how long is not known yet" if seconds is None else f"about {duration(seconds)}"
    names = [*columns[:-1], "state"]
    result = {
        "jobs": [
            {"run": str(job.folder), "command": job.command(), **dict(zip(names, row, strict=True))}
            for job, row in zip(planned, rows, strict=True)
        ],
        "together": together,
        "seconds": seconds,
    }
    line = f"\n{todo} to train, {together} at a time: {time}."
    show(result, as_json, table("", columns, rows), line)


def _shown(summary: "Summary") -> "list[Table | Text]":
    heading, *rows = summary.grid()
    made = table(summary.title, heading, rows)
    for column in made.columns[1:]:
        column.justify = "right"
    return [made, plain(summary.caption() + "\n", "dim")]
