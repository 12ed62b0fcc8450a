"""`kg prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.cli.output import Json, complain, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data import Dataset, PrepareOptions
    from kg.data.prepare import Prepared

MAX_LISTED = 10
"""Skipped shapes that are named on the terminal; JSON and the store have all of them."""


def prepare(
    name: Annotated[
        str, typer.Argument(metavar="[DATASET]", help="Data set; kg list shows them.")
    ] = "garments",
    category: Annotated[
        list[str] | None,
        typer.Option("--category", "-c", help="Category; may be repeated. Default: every one found."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Read this folder in place, not the fetched one."),
    ] = None,
    points: Annotated[int, typer.Option("--points", "-n", min=4, help="N, points a cloud.")] = 2048,
    objects: Annotated[
        int | None, typer.Option(min=1, help="Objects at most, drawn by the seed; or how many to make.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of surface samples, splits and made shapes.")] = 0,
    variant: Annotated[
        str | None, typer.Option(help="Name of the store, to keep several of one category.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a store made with other options.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a broken shape instead of leaving it out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn shapes into stores of even, normalised clouds, ready to train on: one file a category.

    kg prepare --category shirt                    built-in garments
    kg prepare folder --from mugs/ -c mug          your own files
    kg prepare folder --from mugs/ -c mug -n 512 --variant small
    kg prepare keypointnet                         all of a fetched data set
    kg prepare keypointnet --from KeypointNet/     all of one, read in place

    Your own files are meshes, which are sampled evenly, or clouds, in
    .ply .pcd .obj .off .stl .glb .npy .npz .xyz .txt.
    A folder that holds nothing but sub-folders has a category in each.
    """
    from kg import registry
    from kg.data import PrepareOptions

    dataset = registry.dataset(name)
    raw = _raw_folder(dataset, source)
    chosen = list(dict.fromkeys(category or dataset.find_categories(raw)))
    if not chosen:
        raise KgError(f"{raw} holds no category of {name}.")
    options = PrepareOptions(points=points, objects=objects, seed=seed)
    made: list[Prepared] = []
    failed: dict[str, KgError] = {}
    for one in chosen:
        try:
            made.append(_prepare(dataset, one, raw, options, variant, force=force, strict=strict))
        except KgError as error:
            if strict or len(chosen) == 1:
                raise
            failed[one] = error
    _report(dataset, made, failed, as_json)
    if failed:
        raise typer.Exit(1)


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
    force: bool,
    strict: bool,
) -> "Prepared":
    from kg.data.prepare import prepare as prepare_category

    with progress(f"Preparing {category}") as advance:
        return prepare_category(
            dataset,
            category,
            raw,
            options,
            variant=variant,
            force=force,
            strict=strict,
            progress=advance,
        )


def _report(dataset: "Dataset", made: "list[Prepared]", failed: dict[str, KgError], as_json: bool) -> None:
    stores = [_describe(prepared) for prepared in made]
    for store in stores:
        if not store["made"]:
            note(f"{store['category']} was prepared before, with the same options.")
        _list_skipped(store["category"], store["skipped"])
    for category, error in failed.items():
        complain(f"{category}: {error.message}", error.hint)
    columns = [
        "category",
        "variant",
        "shapes",
        "train",
        "val",
        "test",
        "points",
        "landmarks",
        "material",
        "MB",
    ]
    rows = [
        [
            *(store[column] for column in columns[:7]),
            *("yes" if store[column] else "no" for column in columns[7:9]),
            round(store["bytes"] / 1e6, 1),
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
        *(store["file"] for store in stores),
        *([f"Next: kg train --category {stores[0]['category']}"] if stores else []),
    )


def _describe(prepared: "Prepared") -> dict[str, Any]:
    from kg.data.split import SPLITS

    store = prepared.store
    splits = store.splits()
    return {
        "category": store.category,
        "variant": store.variant,
        "made": prepared.made,
        "shapes": store.count,
        **{split: int((splits == number).sum()) for number, split in enumerate(SPLITS)},
        "points": store.points_per_cloud,
        "landmarks": store.has_landmarks,
        "material": store.has_material,
        "unit": store.unit,
        "file": str(store.path),
        "bytes": store.path.stat().st_size,
        "skipped": [{"id": name, "reason": reason} for name, reason in prepared.skipped],
    }


def _list_skipped(category: str, skipped: list[dict[str, str]]) -> None:
    from rich.markup import escape

    if not skipped:
        return
    note(f"[yellow]warning[/] {category}: {len(skipped)} shapes were left out:")
    for item in skipped[:MAX_LISTED]:
        note(f"  {escape(item['id'])}: {escape(item['reason'])}")
    if len(skipped) > MAX_LISTED:
        note(f"  and {len(skipped) - MAX_LISTED} more; --json lists all")
