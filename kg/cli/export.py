"""`kg export`."""

from pathlib import Path
from typing import Annotated

import typer

from kg.cli.output import Json, show


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="A run's folder or name, or a checkpoint file. Default: the latest run."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the detector.")] = Path(
        "detector.safetensors"
    ),
    as_json: Json = False,
) -> None:
    """Write a trained detector into one small file, for others to use.

    kg export
    kg export runs/tops -o tops.safetensors
    kg predict scan.ply --run tops.safetensors

    The file holds the weights in half precision, and every option of the model and the training. No code
    runs when it is read. What is needed to resume the training stays in the run.
    """
    import torch

    from kg import paths
    from kg.inference.targets import find_checkpoint
    from kg.model.checkpoint import export_checkpoint, load_checkpoint

    paths.require_writable(output)
    path = find_checkpoint(run)
    checkpoint = load_checkpoint(path, torch.device("cpu"))
    export_checkpoint(checkpoint, output)
    size = output.stat().st_size
    result = {"file": str(output), "bytes": size, "checkpoint": str(path), "epoch": checkpoint.epoch}
    show(result, as_json, f"{output}, {size / 1e6:.1f} MB", f"Next: kg predict scan.ply --run {output}")
