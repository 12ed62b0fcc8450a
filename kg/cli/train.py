"""`kg train`."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.cli.data import open_stores
from kg.cli.inventory import show_help
from kg.cli.options import (
    Backbone,
    BatchSize,
    Categories,
    Cpu,
    Dataset,
    Detector,
    Epochs,
    Farthest,
    Gpu,
    Kernels,
    Keypoints,
    Points,
    Precision,
    Preset,
    Set,
    SplitBy,
    Threads,
    Turn,
    Variants,
    assignment,
    counting,
    several,
    texts,
    turning,
)
from kg.cli.output import Json, counted, is_terminal, note, progress, show, table
from kg.cli.train_options import list_options
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.config import Config
    from kg.train import Started, Summary

KEPT = {
    "epochs",
    "option",
    "resume",
    "store",
    "copy_to",
    "gpu",
    "gpus",
    "cpu",
    "threads",
    "kernels",
    "as_json",
}
"""What may be typed for a run that is resumed: of `--set` only the epochs, and of stores its own."""


def train(
    context: typer.Context,
    category: Categories = None,
    dataset: Dataset = None,
    variant: Variants = None,
    store: Annotated[
        list[Path] | None,
        typer.Option(help="A prepared store: its file, the folder of its files, or a URL; may be repeated."),
    ] = None,
    preset: Preset = "kg",
    detector: Detector = None,
    backbone: Backbone = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="A run or a checkpoint file: learn its keypoints on shapes that are turned.",
        ),
    ] = None,
    turn: Turn = None,
    keypoints: Keypoints = None,
    farthest: Farthest = None,
    points: Points = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of weights, order and all random numbers.")
    ] = None,
    precision: Precision = None,
    split_by: SplitBy = "object",
    option: Set = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Leave a part of the method out: heatmap, encoder-features (of the decoder), similarity, "
            "farthest-point (losses); may be repeated.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Options from a .json or .toml file, or a run's config.json; options of the command line "
            "override them.",
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="All options of another run, and its data unless you name others; options of the command "
            "line override them.",
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Fine-tune: begin with the weights of a run or a checkpoint file, and with its options.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run folder.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Continue a run: its folder or name, 'latest', its last checkpoint, or what it predicted; "
            "--store says where its store lies, if that is not found. On a CPU with as many threads the "
            "final weights are those of an uninterrupted training; on a GPU they differ slightly."
        ),
    ] = None,
    copy_to: Annotated[
        str | None,
        typer.Option(
            "--copy-to",
            metavar="URL",
            help="Keep a copy of the run in a folder at a URL, as s3://bucket/runs, from which it is resumed "
            "on any machine. Needs kg[remote].",
        ),
    ] = None,
    gpu: Gpu = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            metavar="0,1,...|all",
            help="Train on several GPUs of this machine, each with a share of every batch. torchrun trains "
            "on several machines (kg docs cluster).",
        ),
    ] = None,
    cpu: Cpu = False,
    threads: Threads = None,
    kernels: Kernels = None,
    as_json: Json = False,
) -> None:
    """Train a detector; with nothing prepared, on built-in garments.

    kg train --category shirt --preset quick    a first look, minutes on a CPU
    kg train --category shirt --gpu 0           the full training, on a GPU
    kg train --category shirt --gpus 0,1        on two
    kg train -c shirt --variant fold --detector follow
    kg train -c shirt,skirt --variant fold,drag --detector follow
    kg train -c airplane -k 10 --seed 1         ten keypoints, another seed
    kg train -c bed --detector extremal -k auto     as many as are of use
    kg train -c bed -k auto --set keypoints=20      out of twenty
    kg train -c bed --set sigma=0.1 -e 200      any constant of the method
    kg train -c shirt --without heatmap         a row of the paper's ablations
    kg train --like RUN --seed 1                the same again, with another seed
    kg train -c tie --config mine.toml          options from a file
    kg train --teacher RUN --turn all           its keypoints, in any pose
    kg train -c airplane --turn yaw             shapes that are turned
    kg train --init RUN --store mine.h5 -e 3    fine-tune on your own shapes
    kg train --resume latest                    go on after Ctrl-C or a crash
    kg train -c shirt --copy-to s3://bucket/runs    keeps a copy elsewhere
    kg train --resume s3://bucket/runs/NAME     go on elsewhere

    Watch it with: tensorboard --logdir runs
    """
    if show_help(as_json, presets=[preset], detectors=[detector or ""], backbones=[backbone or ""]):
        return
    if option and "help" in option:
        list_options(preset, detector, backbone, as_json)
        return
    from kg.cli.train_workers import launch_on_gpus, leave_quietly
    from kg.data import Store
    from kg.devices import describe
    from kg.inference.targets import find_checkpoint, find_resumed, find_run_of
    from kg.train import Basis, Interrupted, Progress, Started, new_run, resumed_config, runs
    from kg.train import train as run_training
    from kg.train.copying import copy_of
    from kg.train.team import joined, own_device

    if gpus is not None:
        raise typer.Exit(launch_on_gpus(gpus, gpu=gpu, cpu=cpu))
    device = own_device(gpu, cpu)
    team = context.with_resource(joined(device))
    typed = texts(
        detector=detector,
        backbone=backbone,
        farthest=farthest,
        points=points,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
    )
    typed |= counting(keypoints) | turning(turn)
    typed |= dict(assignment(text) for text in option or [])

    def configured() -> "tuple[Config, Path]":
        """Return the configuration and the run folder, which is made if it is new."""
        if resume is not None:
            _check_kept([*filter(partial(_is_typed, context), context.params), *typed])
            folder = find_resumed(resume)
            return resumed_config(folder, [*map(Store, store or [])], typed.get("epochs")), folder
        basis = Basis.of(
            preset if _is_typed(context, "preset") else None,
            file=file,
            like=None if like is None else find_run_of(like),
            teacher=None if teacher is None else find_checkpoint(teacher),
            init=None if init is None else find_checkpoint(init),
        )
        stores = [] if category or dataset or variant or store else basis.open_stores()
        if not stores:
            categories, variants = several(category, "--category"), several(variant, "--variant")
            stores = open_stores(store, categories, dataset, variants, preset=basis.preset)
        by = split_by if _is_typed(context, "split_by") else None
        config = basis.configure(stores, typed, without or (), by)
        return config, new_run(config, name)

    config, folder = team.first(configured)
    copy = copy_of(folder, copy_to) if team.leads else None
    if team.leads:
        others = f" and {team.count - 1} more" if team.count > 1 else ""
        copied = f", copied to {copy.url}" if copy else ""
        note(f"Training in {folder} on {describe(device)}{others}{copied}")

    def fitting(shapes: int) -> None:
        if team.leads:
            note(f"Fitting {config.model.detector} to {counted(shapes, 'shape')}, in seconds or minutes")

    def begin(started: Started) -> None:
        if team.leads:
            note(_what(config, started))

    with progress("Training") if team.leads else nullcontext() as advance:

        def report(now: Progress) -> None:
            if advance is None:
                return
            if now.epoch_metrics is not None:
                _report_epoch(now.epoch_metrics, now.epochs)
                return
            done = now.epoch * now.steps + now.step
            advance(done, now.epochs * now.steps, f"epoch {now.epoch + 1} loss {now.loss:.4f}")

        try:
            summary = run_training(
                config,
                folder,
                device,
                resume=resume is not None,
                fitting=fitting,
                begin=begin,
                report=report,
                team=team,
                copy=copy,
            )
        except Interrupted:
            if team.leads:
                note(f"Saved. To continue: kg train --resume {runs.name_of(folder)}")
            raise
        except Exception as error:
            if resume is None and team.leads:
                runs.discard_if_empty(folder)
            leave_quietly(error)
            raise
    if not team.leads:
        return

    if config.train.choose_keypoints and not (folder / runs.CANDIDATES).is_file():
        note("Fewer than two keypoints are the same on all shapes: none was chosen, all stay.")
    _show_summary(summary, runs.read_config(folder), as_json)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _check_kept(names: Iterable[str]) -> None:
    if fixed := [name for name in names if name not in KEPT]:
        raise KgError(
            f"A run that is resumed keeps its options; '{fixed[0].replace('_', '-')}' cannot change.",
            "Leave it out (only --epochs may grow), or start a new run.",
        )


def _what(config: "Config", started: "Started") -> str:
    """Return what is trained on what, in a line."""
    train = config.train
    begun = f", of which {started.epochs_done} are done" if started.epochs_done else ""
    return (
        f"{config.model.detector} on {started.store} ({started.train_shapes} shapes, "
        f"{started.val_shapes} for validation): N = {train.points}, K = {started.keypoints}, "
        f"{counted(train.epochs, 'epoch')}{begun}, {started.parameters:,} parameters, seed {train.seed}"
    )


def _show_summary(summary: "Summary", config: "Config", as_json: bool) -> None:
    """Print what a training came to."""
    result = {
        "run": str(summary.run),
        "epochs": summary.epochs,
        "seconds": summary.seconds,
        "train_shapes": summary.train_shapes,
        "val_shapes": summary.val_shapes,
        "best": summary.best,
        "candidates": [asdict(each) for each in summary.candidates],
        "config": config.to_dict(),
    }
    number = count()
    candidates = [
        [str(row), str(next(number)) if each.kept else "", *(f"{x:.2f}" for x in each.place), each.reason]
        for row, each in enumerate(summary.candidates)
    ]
    losses = [[key, value] for key, value in summary.best.items() if "val_" in key]
    best = "the last epoch is taken for the best, without validation shapes"
    if summary.val_shapes:
        best = f"best epoch {summary.best_epoch} by the loss on {summary.val_shapes} validation shapes"
    columns = ["candidate", "keypoint", "x", "y", "z", "why, or why not"]
    show(
        result,
        as_json,
        f"Trained {summary.run} in {summary.seconds:.0f} s, {counted(summary.epochs, 'epoch')} of "
        f"{counted(summary.train_shapes, 'shape')}; {best}.",
        table("", ["loss", "value"], losses) if losses else "",
        table("", columns, candidates) if candidates else "",
        "Next: kg predict, kg eval --metric das, kg viz out.npz",
    )


def _report_epoch(metrics: dict[str, float], epochs: int) -> None:
    """Print an epoch's losses: all of them into a log file, the sums for somebody who watches."""
    names = [name for name in metrics if name != "epoch"]
    if is_terminal():
        names = [name for name in ("loss", "val_loss", "seconds") if name in metrics]
    values = " ".join(f"{name} {metrics[name]:.5g}" for name in names)
    note(f"epoch {metrics['epoch']:.0f} of {epochs}: {values}")
