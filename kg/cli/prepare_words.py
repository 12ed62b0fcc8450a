"""What the words of `kg prepare` mean: where shapes come from, how they are deformed and seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kg.cli.output import show, table
from kg.errors import KgError, unknown_name

if TYPE_CHECKING:
    from kg.data import Dataset
    from kg.data.camera import Camera

CAMERA = "camera."
"""How the names of the camera's options begin."""


def raw_folder(dataset: "Dataset", source: Path | None) -> Path:
    """Return the folder that holds the shapes: the one that the user names, or the fetched one."""
    from kg import paths

    if source is not None:
        if dataset.builtin:
            raise KgError(f"{dataset.name} is built in and reads no folder.", "Leave out --from.")
        if not source.is_dir():
            raise KgError(f"There is no folder {source}.", "Give --from the folder that holds the shapes.")
        return source
    raw = paths.raw(dataset.name)
    if not dataset.builtin and not raw.is_dir():
        if dataset.access == "in place":
            raise KgError(
                f"{dataset.name} reads a folder of yours.",
                f"Name it: kg prepare {dataset.name} --from FOLDER --category NAME",
            )
        raise KgError(f"{dataset.name} is not there yet.", f"Obtain it: kg fetch {dataset.name}")
    return raw


def frame_grouping(dataset: "Dataset", grouping: str | None) -> str | None:
    """Return a word, or the path of a manifest that is there."""
    words = ("folder", "file", "none")
    if grouping is None or not dataset.frames_of:
        if grouping is not None:
            raise KgError(f"{dataset.name} knows its frames itself.", "Leave out --frames-of.")
        return None
    if grouping in words:
        return grouping
    path = Path(grouping).expanduser()
    if path.suffix.lower() != ".csv":
        raise unknown_name("choice of --frames-of", grouping, (*words, "MANIFEST.csv"))
    if not path.is_file():
        raise KgError(f"There is no manifest {path}.", "kg docs shapes shows one.")
    return str(path.resolve())


def read_camera(dataset: "Dataset", camera_given: bool, options: dict[str, str]) -> "Camera | None":
    """Return the camera that was asked for, with these of its options."""
    if not camera_given:
        if options:
            raise typer.BadParameter(f"{next(iter(options))} goes with --camera.", param_hint="--set")
        return None
    from kg.config.camera import camera

    plain = {name.removeprefix(CAMERA): value for name, value in options.items()}
    return camera(plain, up=dataset.up)


def deformed(
    dataset: "Dataset", name: str | None, frames: int, options: dict[str, str], seed: int
) -> "tuple[Dataset, dict[str, Any] | None]":
    """Return the data set deformed as asked, and in what way; itself and None if not at all."""
    if name is None:
        if options:
            raise typer.BadParameter(f"{next(iter(options))} goes with --deform.", param_hint="--set")
        return dataset, None
    from kg.sim.deformed import Deformed
    from kg.sim.mix import mix

    motions = mix(name, options)
    return Deformed(dataset, motions, frames, seed), {**motions.described(), "frames": frames}


def list_options(deform: str | None, as_json: bool) -> None:
    """Show the options of motions and of the camera."""
    from dataclasses import asdict

    from kg import plugins
    from kg.config.meanings import meanings
    from kg.data.camera import Camera
    from kg.sim import Settings
    from kg.sim.mix import ALL, names_of
    from kg.sim.options import options

    kinds = {name: plugins.DEFORMATIONS.load(name) for name in names_of(deform or ALL)}
    known = {name: options(kind) for name, kind in kinds.items()}
    known["camera"] = {f"{CAMERA}{key}": value for key, value in asdict(Camera()).items()}
    cloth = {key: {name: known[name][key] for name in kinds} for key in asdict(Settings())}
    groups: list[tuple[str, str, type, dict[str, Any]]] = [
        *((name, "", kind, asdict(kind())) for name, kind in kinds.items()),
        ("cloth", "", Settings, {key: _usual(values) for key, values in cloth.items()}),
        ("camera", CAMERA, Camera, asdict(Camera())),
    ]
    rows = [
        [of, f"{prefix}{key}", "random" if value is None else value, meanings(kind)[key]]
        for of, prefix, kind, values in groups
        for key, value in values.items()
    ]
    columns = ["of", "option", "default", "meaning"]
    show(known, as_json, table("Options of --deform and --camera", columns, rows))


def _usual(values: dict[str, Any]) -> Any:
    """Return the default that all deformations have, or that of each."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({name})" for name, value in values.items())
