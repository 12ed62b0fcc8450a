"""`kg export-data`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from kg.cli.data import open_store
from kg.cli.options import Dataset, Variant
from kg.cli.output import Json, progress, show
from kg.errors import KgError


def export_data(
    file: Annotated[
        Path | None, typer.Argument(metavar="[STORE]", help="A prepared store; or name it by the options.")
    ] = None,
    category: Annotated[str | None, typer.Option("--category", "-c", help="Category of the store.")] = None,
    dataset: Dataset = None,
    variant: Variant = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder that is empty or new.")] = Path(
        "trajectories"
    ),
    kind: Annotated[
        Literal["hdf5", "npz"], typer.Option("--format", help="Format of the files, one per episode.")
    ] = "hdf5",
    as_json: Json = False,
) -> None:
    """Write a store's sequences as plain files of observations and actions, for robot learning.

    kg export-data -c shirt --variant fold
    kg export-data -c shirt --variant fold -o shirts --format npz
    kg export-data fold.h5 -o shirts

    One file per episode: clouds, what touches the ground, and two hands. An
    action is where the hands are next, and whether they are closed. Beside
    them lie info.json and episodes.jsonl. Garments: kg docs garments.
    """
    from kg.data.trajectories import export

    if file is not None and (category or dataset or variant):
        raise typer.BadParameter("excludes --category, --dataset and --variant.", param_hint="STORE")
    if file is None and category is None:
        raise KgError("Which store?", "Name a file, or: kg export-data -c shirt --variant fold")
    with progress("Writing") as advance:
        info = export(open_store(file, category, dataset, variant), output, kind, advance)
    size = sum(path.stat().st_size for path in output.iterdir())
    counts = f"{info['total_episodes']} episodes, {info['total_frames']} frames, {size / 1e6:.1f} MB"
    show({"folder": str(output), "bytes": size, **info}, as_json, f"{output}: {counts}")
