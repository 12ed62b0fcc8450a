"""`kg bench`."""

from typing import Annotated

import typer

from kg.cli.inventory import show_help
from kg.cli.options import Cpu, Gpu, Kernels, Precision, Threads
from kg.cli.output import Json, progress, show, table
from kg.devices import forced_backend
from kg.errors import KgError, unknown_name

PARTS = ("operations", "training", "inference")


def bench(
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="PART", help="operations, training or inference. By default all."),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Clouds.")] = 8,
    points: Annotated[int, typer.Option(min=2, help="N, points a cloud.")] = 2048,
    keypoints: Annotated[int, typer.Option("--keypoints", "-k", min=2, help="K.")] = 8,
    detector: Annotated[
        str, typer.Option(help="Whose training and inference; help lists them.")
    ] = "key-grid",
    rounds: Annotated[int, typer.Option(min=1, help="Timed runs of each, in turns.")] = 5,
    precision: Precision = None,
    gpu: Gpu = None,
    cpu: Cpu = False,
    threads: Threads = None,
    kernels: Kernels = None,
    as_json: Json = False,
) -> None:
    """Measure how fast kg is here: time and memory.

    kg bench                            everything, 8 x 2048 points
    kg bench operations --points 32768  each beside plain PyTorch
    kg bench training --threads 1       beside its matrix products alone
    kg bench inference -b 32 --gpu 0 --precision bf16
    kg bench training inference --detector follow

    Times are medians of runs in turns; memory is the peak above what was held
    before. The clouds are random ellipsoids.
    """
    if show_help(as_json, detectors=[detector]):
        return
    import torch

    from kg.devices import choose_device, describe
    from kg.ops.bench import measure, operation_cases, plain_values
    from kg.train.bench import configure, model_cases

    device = choose_device(gpu, cpu)
    measured_parts, multiplied = parts or list(PARTS), precision or "fp32"
    for part in measured_parts:
        if part not in PARTS:
            raise unknown_name("part of the benchmark", part, PARTS)
    config = configure(keypoints, detector)
    cases = []
    if "operations" in measured_parts:
        cases += operation_cases(batch_size, points, keypoints, device)
    cases += model_cases(config, batch_size, points, device, multiplied, measured_parts)
    if not cases:
        raise KgError(f"The detector {detector} has nothing to train.", "Measure: kg bench inference")
    with progress("Measuring") as advance:
        measured = measure(cases, device, rounds, advance)
    result = {
        "device": describe(device),
        "torch": torch.__version__,
        "kernels": forced_backend(),
        "precision": multiplied,
        "batch_size": batch_size,
        "points": points,
        "keypoints": keypoints,
        "detector": detector,
        "rounds": rounds,
        "results": plain_values(measured),
    }
    rows = [
        [
            each.name,
            each.version,
            round(each.seconds * 1e3, 2),
            round(each.fastest * 1e3, 2),
            "" if each.peak_bytes is None else f"{each.peak_bytes / 2**20:.0f}",
        ]
        for each in measured
    ]
    title = f"{detector}, {batch_size} x {points} points, K = {keypoints}, {multiplied}, {describe(device)}"
    show(result, as_json, table(title, ["what", "version", "median ms", "fastest ms", "peak MiB"], rows))
