"""`kg prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kg.cli.inventory import show_help
from kg.cli.options import Cluster, Threads, assignment, several
from kg.cli.output import Json
from kg.cli.prepare_report import describe, draw, report, report_shards
from kg.cli.prepare_words import CAMERA, deformed, frame_grouping, list_options, raw_folder, read_camera
from kg.cli.prepare_work import Work, announce, make_shard, make_store
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data.preparing.prepare import Sharded


def prepare(
    name: Annotated[
        str, typer.Argument(metavar="[DATASET]", help="Data set; kg list shows them.")
    ] = "garments",
    category: Annotated[
        list[str] | None,
        typer.Option("--category", "-c", help="Category; several separated by commas. Default: all."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Read this folder in place, not the fetched one."),
    ] = None,
    frames_of: Annotated[
        str | None,
        typer.Option(
            metavar="folder|file|none|MANIFEST.csv",
            help="Which of your files are frames of one object: folder, those in one folder; file, none, but "
            "meshes with equal faces correspond; none, none at all; or as a CSV file says.",
            show_default="guessed, and shown",
        ),
    ] = None,
    points: Annotated[int, typer.Option("--points", "-n", min=4, help="N, points per cloud.")] = 2048,
    objects: Annotated[
        int | None,
        typer.Option(min=1, help="Objects at most, drawn by the seed; how many, if built in."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples, splits and built-in shapes.")] = 0,
    deform: Annotated[
        str | None,
        typer.Option(
            metavar="MOTION",
            help="Deform each mesh as cloth, by simulation: drop, fold, ...; several by commas; all; "
            "help lists them.",
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=2, help="Clouds per deformed mesh, spread over its sequence.")
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
            "range over all axes, as Key-Grid does."
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
    split: Annotated[
        Literal["train", "val", "test"] | None,
        typer.Option(
            "--split",
            help="Put all objects in this split; with --append only the new ones, so that train gives more "
            "to train on and the same test.",
            show_default="7 of 10 train, 1 val, 2 test",
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
        bool, typer.Option("--merge", help="Join the --shards of a store, once all are made.")
    ] = False,
    cluster: Cluster = None,
    files: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=99_999,
            help="Write each store as N files that open as one: rows lie on the disk twice only until their "
            "file is written, and --append adds a file.",
            show_default="one, or one for each 2 GB",
        ),
    ] = None,
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Draw some of the shapes, beside the store.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Turn shapes into stores of even, normalised clouds, ready to train on: one file per category.

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
    kg prepare -c shirt --seed 1 --split test --variant unseen

    Your own files are meshes, which are sampled evenly, or clouds, in
    .ply .pcd .obj .off .stl .glb .gltf .npy .npz .xyz .txt.
    If a folder holds only sub-folders, each of them is a category.

    A deformed mesh is cloth that lies on the ground, z up. Each frame becomes a
    cloud.

    A camera looks down from a random direction, unless you give one. It is the
    same for all frames of one object. Noise is in the unit of the shapes, here
    metres:

    kg prepare -c shirt --deform fold --camera --set camera.noise=0.002
    kg prepare folder --from mugs/ -c mug --camera --set camera.azimuth=30

    After Ctrl-C or a crash the same command continues. The points depend on the
    seed, never on the workers or the machines (kg docs cluster):

    kg prepare -c shirt --deform fold --shard 3/16
    kg prepare -c shirt --deform fold --merge
    kg prepare -c shirt --deform fold --cluster tcp://head:8786
    """
    from kg import plugins
    from kg.data import PrepareOptions
    from kg.data.preparing.plan import make_plan
    from kg.data.preparing.shards import read_shard
    from kg.devices import threads as available

    if show_help(as_json, deformations=[deform or ""]):
        return
    if settings and "help" in settings:
        list_options(deform, as_json)
        return
    ways = {"--shard": shard, "--merge": merge, "--cluster": cluster, "--append": append}
    exclusive = [name for name, value in ways.items() if value] + ["--force"] * (append and force)
    if len(exclusive) > 1:
        raise KgError(f"{exclusive[0]} and {exclusive[1]} exclude each other.", "Leave one of them out.")
    work = Work(
        workers=workers or available(),
        force=force,
        append=append,
        shard=read_shard(shard) if shard else None,
        merge=merge,
        cluster=cluster,
    )
    dataset = plugins.DATASETS.load(name)()
    raw = raw_folder(dataset, source)
    categories = several(category, "--category") or list(dataset.find_categories(raw))
    if not categories:
        raise KgError(f"{raw} holds no category of {name}.")
    for one in categories:
        dataset.check_category(one)
    assignments = dict(assignment(text) for text in settings or [])
    of_camera = {key: assignments.pop(key) for key in list(assignments) if key.startswith(CAMERA)}
    dataset, motion = deformed(dataset, deform, frames, assignments, seed)
    view = read_camera(dataset, camera, of_camera)
    if camera and variant is None:
        variant = f"{dataset.variant}-camera"
    options = PrepareOptions(
        points=points,
        objects=objects,
        seed=seed,
        deform=motion,
        camera=view,
        normalisation=normalisation,
        frames_of=frame_grouping(dataset, frames_of),
        split=split,
    )
    if len(categories) > 1 and dataset.builtin and not merge:
        items = [item for one in categories for item in dataset.items(one, raw, options)]
        announce(f"{len(categories)} categories", dataset, options, items, work.workers)
        del items
    stores: list[dict[str, Any]] = []
    shards: dict[str, Sharded] = {}
    failed: dict[str, KgError] = {}
    for one in categories:
        try:
            plan = make_plan(dataset, one, raw, options, variant=variant, strict=strict, files=files)
            if work.shard:
                shards[one] = make_shard(plan, work.shard, work)
            else:
                made = make_store(plan, work)
                stores.append(describe(made, draw(made, anew=picture)))
        except KgError as error:
            if strict or len(categories) == 1:
                raise
            failed[one] = error
    if work.shard:
        report_shards(dataset, shards, failed, as_json)
    else:
        report(dataset, stores, failed, as_json)
    if failed:
        raise typer.Exit(1)
