"""`kg prepare`."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from kg.cli.options import Cluster, Threads, assignment, several
from kg.cli.output import Json, complain, note, progress, show, table
from kg.cli.prepare_shards import announce, going_on, make_on_cluster, make_shard, report_shards
from kg.errors import KgError, unknown_name

if TYPE_CHECKING:
    from kg.data import Dataset, Item, PrepareOptions, Split
    from kg.data.camera import Camera
    from kg.data.preparing.plan import Plan
    from kg.data.preparing.prepare import Prepared, Sharded

CAMERA = "camera."
"""How the names of the camera's options begin."""

MAX_LISTED = 10
"""Shapes that are named on the terminal; JSON and the store have all of them."""


def prepare(
    name: Annotated[
        str, typer.Argument(metavar="[DATASET]", help="Data set; kg list shows them.")
    ] = "garments",
    category: Annotated[
        list[str] | None,
        typer.Option("--category", "-c", help="Category; several by commas. Default: every one found."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Read this folder in place, not the fetched one."),
    ] = None,
    frames_of: Annotated[
        str | None,
        typer.Option(
            metavar="folder|file|none|MANIFEST.csv",
            help="Which of your files are frames of one object: those in one folder; none, but meshes with "
            "equal faces correspond; none at all; or what a CSV says of id, object, frame, split, file.",
            show_default="guessed, and told",
        ),
    ] = None,
    points: Annotated[int, typer.Option("--points", "-n", min=4, help="N, points a cloud.")] = 2048,
    objects: Annotated[
        int | None, typer.Option(min=1, help="Objects at most, drawn by the seed; or how many to make.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of surface samples, splits and made shapes.")] = 0,
    deform: Annotated[
        str | None,
        typer.Option(
            metavar="MOTION",
            help="Deform each mesh as cloth, by simulation: drop, fold, ...; several by commas; all; "
            "kg list deformations.",
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=2, help="Clouds of each deformed mesh, all over its sequence.")
    ] = 128,
    camera: Annotated[
        bool, typer.Option("--camera", help="Keep only what one depth camera sees of each shape.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="An option of --deform or --camera; --set help lists them."
        ),
    ] = None,
    normalisation: Annotated[
        Literal["longest-side", "range"],
        typer.Option(
            help="What brings clouds into [-1, 1]: the centre of the box and its longest side, or one "
            "range over all axes, as Key-Grid has it."
        ),
    ] = "longest-side",
    variant: Annotated[
        str | None,
        typer.Option(
            help="Name of the store, to keep several of one category.",
            show_default="the deformation, or the data set's own; with -camera",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a store made with other options.")] = False,
    append: Annotated[
        bool,
        typer.Option(
            "--append",
            help="Add to a store what it does not have yet; its rows stay as they are, in their splits.",
        ),
    ] = False,
    joining: Annotated[
        Literal["train", "val", "test"] | None,
        typer.Option(
            "--split",
            help="With --append: the split of all new objects. train keeps validation and test as they are.",
            show_default="drawn by their names",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a broken shape instead of leaving it out.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", min=1, help="Processes that share the work.", show_default="the threads"
        ),
    ] = None,
    threads: Threads = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Make the I-th of N pieces of each store and nothing else, on a machine that shares the "
            "data folder; --merge puts them together.",
        ),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put a store together whose --shards are all made.")
    ] = False,
    cluster: Cluster = None,
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Draw some of the shapes, beside the store.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Turn shapes into stores of even, normalised clouds, ready to train on: one file a category.

    kg prepare --category shirt                    built-in garments
    kg prepare folder --from mugs/ -c mug          your own files
    kg prepare folder --from mugs/ -c mug -n 512 --variant small
    kg prepare folder --from coats/ -c coat --frames-of folder
    kg prepare folder --from mugs/ -c mug --append new files join the others
    kg prepare keypointnet                         all of a fetched data set
    kg prepare keypointnet --from KeypointNet/     all of one, read in place
    kg prepare -c shirt,tie --deform drop --objects 64
    kg prepare folder --from coats/ -c coat --deform drop --frames 32
    kg prepare -c shirt --deform drag --set lift=0.3 --set turns=3
    kg prepare -c shirt --deform fold --set yaw=180 --set back=0.5
    kg prepare -c shirt --deform all --set share.fold=3
    kg prepare -c shirt --deform fold --objects 100 --append --split train

    Your own files are meshes, which are sampled evenly, or clouds, in
    .ply .pcd .obj .off .stl .glb .gltf .npy .npz .xyz .txt.
    A folder that holds nothing but sub-folders has a category in each.

    A deformed mesh is cloth that lies on the ground, z up, and gives a cloud a
    frame.

    A camera looks down from anywhere around, unless its direction is given. It
    stands still for the frames of one object. Noise is in the unit of the shapes,
    here metres:

    kg prepare -c shirt --deform fold --camera --set camera.noise=0.002
    kg prepare folder --from mugs/ -c mug --camera --set camera.azimuth=30

    Ctrl-C, or a crash, loses nothing: the same command goes on where it was.
    The points depend on the seed, never on the workers, nor on the machines
    (kg docs cluster):

    kg prepare -c shirt --deform fold --shard 3/16
    kg prepare -c shirt --deform fold --merge
    kg prepare -c shirt --deform fold --cluster tcp://head:8786
    """
    from kg import plugins
    from kg.data import PrepareOptions
    from kg.data.preparing.plan import make_plan
    from kg.data.preparing.prepare import merge as merge_shards
    from kg.devices import threads as available

    if settings == ["help"]:
        _list_options(deform, as_json)
        return
    ways = {"--shard": shard, "--merge": merge, "--cluster": cluster, "--append": append}
    said = [name for name, given in ways.items() if given] + ["--force"] * (append and force)
    if len(said) > 1:
        raise KgError(f"{said[0]} and {said[1]} exclude each other.", "Leave one of them out.")
    if joining and not append:
        raise KgError("--split says where new objects of a store go.", "Add --append, or leave it out.")
    dataset = plugins.DATASETS.load(name)()
    raw = _raw_folder(dataset, source)
    chosen = several(category, "--category") or list(dataset.find_categories(raw))
    if not chosen:
        raise KgError(f"{raw} holds no category of {name}.")
    for one in chosen:
        dataset.check_category(one)
    given = dict(assignment(text) for text in settings or [])
    of_camera = {key: given.pop(key) for key in list(given) if key.startswith(CAMERA)}
    dataset, deformed = _deform(dataset, deform, frames, given, seed)
    seen_by = _camera(dataset, camera, of_camera)
    if camera and variant is None:
        variant = f"{dataset.variant}-camera"
    options = PrepareOptions(
        points=points,
        objects=objects,
        seed=seed,
        deform=deformed,
        camera=seen_by,
        normalisation=normalisation,
        frames_of=_frames_of(dataset, frames_of),
    )
    processes = workers or available()
    if len(chosen) > 1 and dataset.builtin and not merge:
        items = [item for one in chosen for item in dataset.items(one, raw, options)]
        announce(f"{len(chosen)} categories", dataset, options, items, processes)
        del items
    stores: list[dict[str, Any]] = []
    shards: dict[str, Sharded] = {}
    failed: dict[str, KgError] = {}
    for one in chosen:
        try:
            if shard:
                plan = make_plan(dataset, one, raw, options, variant=variant, strict=strict)
                shards[one] = make_shard(plan, shard, force=force, workers=processes, told=_tell_plan)
                continue
            if merge:
                plan = make_plan(dataset, one, raw, options, variant=variant, strict=strict)
                made = merge_shards(plan, force=force, on_wait=partial(_wait, one))
            elif cluster:
                plan = make_plan(dataset, one, raw, options, variant=variant, strict=strict)
                _tell_plan(plan)
                made = make_on_cluster(plan, cluster, force=force, on_wait=partial(_wait, one))
            else:
                made = _prepare(
                    dataset,
                    one,
                    raw,
                    options,
                    variant,
                    append=append,
                    joining=joining,
                    force=force,
                    strict=strict,
                    workers=processes,
                )
        except KgError as error:
            if strict or len(chosen) == 1:
                raise
            failed[one] = error
            continue
        stores.append({**_describe(made), "picture": _picture(made, wanted=picture)})
    if shard:
        report_shards(dataset, shards, failed, as_json)
    else:
        _report(dataset, stores, failed, as_json)
    if failed:
        raise typer.Exit(1)


def _frames_of(dataset: "Dataset", said: str | None) -> str | None:
    """Return a word, or the path of a manifest that is there."""
    words = ("folder", "file", "none")
    if said is None or not dataset.frames_of:
        if said is not None:
            raise KgError(f"{dataset.name} knows its frames itself.", "Leave out --frames-of.")
        return None
    if said in words:
        return said
    path = Path(said).expanduser()
    if path.suffix.lower() != ".csv":
        raise unknown_name("choice of --frames-of", said, (*words, "MANIFEST.csv"))
    if not path.is_file():
        raise KgError(f"There is no manifest {path}.", "kg docs shapes shows one.")
    return str(path.resolve())


def _camera(dataset: "Dataset", wanted: bool, options: dict[str, str]) -> "Camera | None":
    """Return the camera that was asked for, with these of its options."""
    if not wanted:
        if options:
            raise typer.BadParameter(f"{next(iter(options))} goes with --camera.", param_hint="--set")
        return None
    from kg.data.camera import camera

    plain = {name.removeprefix(CAMERA): value for name, value in options.items()}
    return camera(plain, up=dataset.up)


def _deform(
    dataset: "Dataset", name: str | None, frames: int, given: dict[str, str], seed: int
) -> "tuple[Dataset, dict[str, Any] | None]":
    """Return the data set deformed as asked, and in what way; itself and None if not at all."""
    if name is None:
        if given:
            raise typer.BadParameter(f"{next(iter(given))} goes with --deform.", param_hint="--set")
        return dataset, None
    from kg.sim.deformed import Deformed
    from kg.sim.mix import mix

    motions = mix(name, given)
    return Deformed(dataset, motions, frames, seed), {**motions.described(), "frames": frames}


def _list_options(deform: str | None, as_json: bool) -> None:
    from dataclasses import asdict

    from kg import plugins
    from kg.config.meanings import meanings
    from kg.data.camera import Camera
    from kg.sim import Settings
    from kg.sim.mix import ALL, chosen
    from kg.sim.options import options

    kinds = {name: plugins.DEFORMATIONS.load(name) for name in chosen(deform or ALL)}
    known = {name: options(kind) for name, kind in kinds.items()}
    known["camera"] = {f"{CAMERA}{key}": value for key, value in asdict(Camera()).items()}
    cloth = {key: {name: known[name][key] for name in kinds} for key in asdict(Settings())}
    parts: list[tuple[str, str, type, dict[str, Any]]] = [
        *((name, "", kind, asdict(kind())) for name, kind in kinds.items()),
        ("cloth", "", Settings, {key: _usual(values) for key, values in cloth.items()}),
        ("camera", CAMERA, Camera, asdict(Camera())),
    ]
    rows = [
        [of, f"{prefix}{key}", "random" if value is None else value, meanings(kind)[key]]
        for of, prefix, kind, values in parts
        for key, value in values.items()
    ]
    columns = ["of", "option", "default", "meaning"]
    show(known, as_json, table("Options of --deform and --camera", columns, rows))


def _usual(values: dict[str, Any]) -> Any:
    """Return the default that all deformations have, or that of each."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({name})" for name, value in values.items())


def _raw_folder(dataset: "Dataset", source: Path | None) -> Path:
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


def _prepare(
    dataset: "Dataset",
    category: str,
    raw: Path,
    options: "PrepareOptions",
    variant: str | None,
    *,
    append: bool,
    joining: "Split | None",
    force: bool,
    strict: bool,
    workers: int,
) -> "Prepared":
    from kg.data.preparing.append import append as append_category
    from kg.data.preparing.prepare import prepare as prepare_category

    with progress(f"Preparing {category}") as advance, going_on(category):
        make = partial(append_category, joining=joining) if append else partial(prepare_category, force=force)
        return make(
            dataset,
            category,
            raw,
            options,
            variant=variant,
            strict=strict,
            workers=workers,
            progress=_with_rate(category, advance),
            on_items=lambda items: _tell(category, dataset, options, items, workers),
            on_wait=partial(_wait, category),
        )


def _tell(
    category: str, dataset: "Dataset", options: "PrepareOptions", items: "Sequence[Item]", workers: int
) -> None:
    """Say what a category's files were taken for, and what is to come of them if that is much."""
    _tell_understood(category, dataset.understood(items, options))
    announce(category, dataset, options, items, workers)


def _tell_plan(plan: "Plan") -> None:
    _tell_understood(plan.category, plan.dataset.understood(plan.items, plan.options))


def _tell_understood(category: str, understood: Sequence[str]) -> None:
    for number, line in enumerate(understood):
        note(escape(line if number else f"{category}: {line}"))


def _wait(category: str) -> None:
    note(f"Waiting for another kg that is preparing {category}.")


def _with_rate(category: str, advance: Callable[..., None]) -> Callable[[int, int], None]:
    """Return a progress function that shows the rate too, of what this run has done."""
    first, started = -1, time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal first
        if first < 0:
            first = done
            if done:
                note(f"Going on with {category}: {done} of {total} shapes were done.")
        rate = (done - first) / max(time.monotonic() - started, 1e-9)
        advance(done, total, f"{rate:.1f} shapes/s" if done > first else "")

    return report


def _picture(prepared: "Prepared", *, wanted: bool) -> str | None:
    """Return the path of the picture beside a store, drawn now if need be; None if there is none."""
    path = prepared.store.path.with_suffix(".png")
    if prepared.made:
        path.unlink(missing_ok=True)
    if wanted and not path.is_file():
        from kg.viz import draw_store

        try:
            draw_store(prepared.store, path)
        except Exception as error:  # whatever a graphics library raises: the store is made
            note(f"[yellow]warning[/] No picture of {prepared.store.category}: {escape(str(error))}")
    return str(path) if path.is_file() else None


def _report(
    dataset: "Dataset", stores: list[dict[str, Any]], failed: dict[str, KgError], as_json: bool
) -> None:
    for store in stores:
        if not store["made"]:
            note(f"{store['category']} was prepared before, with the same options.")
        _list_told(store["category"], store["skipped"], "left out")
        _list_told(store["category"], store["notes"], "read in part")
    for category, error in failed.items():
        complain(f"{category}: {error.message}", error.hint)
    columns = [
        "category",
        "variant",
        "objects",
        "shapes",
        "train/val/test",
        "points",
        "landmarks",
        "at rest",
    ]
    rows = [
        [
            store["category"],
            store["variant"],
            store["objects"],
            store["shapes"],
            "/".join(str(store[split]) for split in ("train", "val", "test")),
            store["points"],
            store["landmark_count"],
            "yes" if store["rest_positions"] else "no",
        ]
        for store in stores
    ]
    show(
        {
            "dataset": dataset.name,
            "stores": stores,
            "failed": {category: error.message for category, error in failed.items()},
        },
        as_json,
        *([table(f"Prepared {dataset.name}", columns, rows)] if rows else []),
        *(file for store in stores for file in (store["file"], store["picture"]) if file),
        *([_next(stores[0])] if stores else []),
    )


def _next(store: dict[str, Any]) -> str:
    """Return the command that trains on a store."""
    from kg import paths

    several = sum(path.parts[-2] == store["category"] for path in paths.stores()) > 1
    return f"Next: kg train --category {store['category']}" + (
        f" --variant {store['variant']}" if several else ""
    )


def _describe(prepared: "Prepared") -> dict[str, Any]:
    from kg.data.split import SPLITS

    store = prepared.store
    splits = store.splits()
    return {
        "category": store.category,
        "variant": store.variant,
        "made": prepared.made,
        "objects": len(set(store.read_column("objects"))),
        "shapes": store.count,
        **{split: int((splits == number).sum()) for number, split in enumerate(SPLITS)},
        "points": store.points_per_cloud,
        "landmarks": store.has_landmarks,
        "landmark_count": store.landmark_count,
        "rest_positions": store.has_rest_positions,
        "unit": store.unit,
        "file": str(store.path),
        "bytes": store.path.stat().st_size,
        "skipped": [{"id": name, "reason": reason} for name, reason in prepared.skipped],
        "notes": [{"id": name, "reason": note} for name, note in prepared.notes],
    }


def _list_told(category: str, told: list[dict[str, str]], what: str) -> None:
    if not told:
        return
    shapes = "1 shape was" if len(told) == 1 else f"{len(told)} shapes were"
    note(f"[yellow]warning[/] {escape(category)}: {shapes} {what}:")
    for item in told[:MAX_LISTED]:
        note(f"  {escape(item['id'])}: {escape(item['reason'])}")
    if len(told) > MAX_LISTED:
        note(f"  and {len(told) - MAX_LISTED} more; --json lists all")
