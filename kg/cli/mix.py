"""`kg mix`."""

from pathlib import Path
from typing import Annotated

import typer

from kg.cli.output import Json, counted, progress, show


def mix(
    shapes: Annotated[
        list[Path],
        typer.Argument(metavar="SHAPES...", help="Meshes with the same faces, or a folder of them."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder that is empty or new.")] = Path(
        "mixed"
    ),
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="New poses to make.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is mixed.")] = 0,
    as_json: Json = False,
) -> None:
    """Make more poses of a thing out of a few, to train on.

    kg mix horse/train -o horse/train/mixed -n 240
    kg mix pose1.obj pose2.obj pose3.obj
    kg prepare folder --from . -c horse --frames-of file

    The poses are meshes with the same faces, so that vertex i is the same place
    in all of them. Each part of a new pose is turned and bent as some of them
    are. Leave out those that you test on. Guide: kg docs shapes.
    """
    from kg.data.mixing import mix_files

    with progress("Mixing") as advance:
        files = mix_files(shapes, output, count, seed, advance)
    size = sum(file.stat().st_size for file in files)
    show(
        {"folder": str(output), "files": [str(file) for file in files], "bytes": size},
        as_json,
        f"{output}: {counted(len(files), 'pose')}, {size / 1e6:.1f} MB",
        f"Next: kg prepare folder --from {output} -c NAME --frames-of file",
    )
