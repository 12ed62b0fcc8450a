"""`kg fetch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.cli.output import Json, note, progress, show, table

if TYPE_CHECKING:
    from kg.data import Dataset


def fetch(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Data set; --list shows them.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Folder or archive that you obtained yourself."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what was fetched before.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List the data sets and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a data set into the data folder, whole or not at all.

    kg fetch --list                                 what there is
    kg fetch keypointnet                            how to obtain it
    kg fetch keypointnet --from KeypointNet/        take it from a folder
    kg fetch clothesnet --from ClothesNetData.zip   or from an archive

    What is there already is not fetched again. Built-in data sets need no fetching.
    """
    if list_all:
        _list(as_json)
        return
    if name is None:
        raise typer.BadParameter("Name a data set, or list them with --list.", param_hint="NAME")
    from kg import paths, registry

    dataset = registry.dataset(name)
    folder = paths.raw(name)
    if dataset.builtin:
        result = {"dataset": name, "builtin": True, "fetched": False, "folder": None}
        show(result, as_json, f"{name} is built in: nothing to fetch. Next: kg prepare {name}")
        return
    present = folder.exists() and not force
    if not present:
        _fetch(dataset, source, folder)
    result = {"dataset": name, "builtin": False, "fetched": not present, "folder": str(folder)}
    if present:
        note(f"{name} was fetched before; replace it with --force.")
    show(result, as_json, f"{'Found' if present else 'Fetched'} {name}: {folder}", f"Next: kg prepare {name}")


def _fetch(dataset: "Dataset", source: Path | None, folder: Path) -> None:
    from kg.data import Fetch

    with progress(f"Fetching {dataset.name}") as advance:

        def report(done: int, total: int, unit: str) -> None:
            if unit == "bytes":
                done, total, unit = done >> 20, total >> 20, "MiB"
            advance(done, total, unit)

        dataset.fetch(Fetch(folder, source, report))


def _list(as_json: bool) -> None:
    from kg import paths, registry

    found: list[dict[str, Any]] = []
    for plugin in registry.datasets():
        if plugin.problem:
            continue
        dataset = registry.dataset(plugin.name)
        found.append(
            {
                "name": plugin.name,
                "title": dataset.title,
                "licence": dataset.licence,
                "url": dataset.url,
                "access": "built in" if dataset.builtin else dataset.access,
                "fetched": paths.raw(plugin.name).exists(),
                "stores": [
                    f"{path.parts[-2]}/{path.stem}"
                    for path in paths.stores()
                    if path.parts[-3] == plugin.name
                ],
            }
        )
    rows = [
        [
            item["name"],
            item["title"],
            item["access"],
            "yes" if item["fetched"] else "no" if item["access"] in ("download", "by hand") else "-",
            ", ".join(item["stores"]) or "-",
        ]
        for item in found
    ]
    columns = ["name", "title", "obtained", "fetched", "prepared"]
    show({"datasets": found}, as_json, table("Data sets", columns, rows))
