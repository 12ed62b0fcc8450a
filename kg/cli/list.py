"""`kg list`."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kg.cli.inventory import LISTS
from kg.cli.output import Json, show, table

if TYPE_CHECKING:
    from kg.plugins import Plugin

OBTAINED = {
    "built in": "built in, made by kg prepare",
    "in place": "yours: kg prepare {name} --from FOLDER",
    "by hand": "by hand; the steps: kg fetch {name}",
    "download": "kg fetch {name}",
    "in parts": "kg fetch {name}, or a part of it with --category",
}

DETECTORS = "Train one: kg train --category shirt --detector NAME"
DEFORMATIONS = (
    "Use one: kg prepare --category shirt --deform NAME; options: kg prepare --deform NAME --set help"
)


def list_plugins(
    what: Annotated[
        Literal[
            "datasets",
            "detectors",
            "backbones",
            "deformations",
            "runs",
            "stores",
            "metrics",
            "presets",
            "protocols",
        ],
        typer.Argument(help="What to list.", show_choices=True),
    ] = "datasets",
    as_json: Json = False,
) -> None:
    """List what there is of a kind: data sets, plugins, runs, stores, metrics, presets, protocols.

    kg list                 data sets, with what is here of each
    kg list runs            trainings, the latest first
    kg list stores          prepared data
    kg list detectors
    kg list metrics --json
    """
    from kg import plugins

    if what == "datasets":
        _list_datasets(as_json)
    elif what in LISTS:
        columns, rows, usage = LISTS[what]()
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        show({what: found}, as_json, table(what.capitalize(), columns, rows), usage)
    elif what == "detectors":
        _list_described(
            what, plugins.detectors(), plugins.detector, as_json, "how it finds keypoints", DETECTORS
        )
    elif what == "backbones":
        _list_backbones(as_json)
    else:
        _list_described(
            what,
            plugins.deformations(),
            plugins.deformation,
            as_json,
            "what happens to a garment",
            DEFORMATIONS,
        )


def _list_datasets(as_json: bool) -> None:
    from kg import paths, plugins

    listed = plugins.datasets()
    found = [_describe(plugin.name) for plugin in listed if not plugin.problem]
    broken = [vars(plugin) for plugin in listed if plugin.problem]
    show(
        {"datasets": found, "broken": broken, "home": str(paths.home())},
        as_json,
        *(part for dataset in found for part in (_card(dataset), "")),
        f"All lie in {paths.home()} (KG_HOME)",
    )


def _describe(name: str) -> dict[str, Any]:
    from kg import paths, plugins
    from kg.errors import KgError

    dataset = plugins.dataset(name)
    folder = paths.raw(name)
    files = [path for path in folder.rglob("*") if path.is_file()]
    try:
        categories = list(dataset.find_categories(folder)) if files else []
    except KgError:
        categories = []
    partial = folder.with_name(f".{name}.partial")
    return {
        "name": name,
        "title": dataset.title,
        "licence": dataset.licence,
        "url": dataset.url,
        "access": "built in" if dataset.builtin else dataset.access,
        "parts": list(dataset.parts),
        "categories": list(dataset.categories),
        "fetched": bool(files),
        "folder": str(folder) if files else None,
        "fetched_categories": categories,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "begun": str(partial) if partial.exists() else None,
        "stores": [
            {
                "category": path.parts[-2],
                "variant": path.stem,
                "bytes": path.stat().st_size,
                "file": str(path),
            }
            for path in paths.stores()
            if path.parts[-3] == name
        ],
    }


def _card(dataset: dict[str, Any]) -> Any:
    """Return what is known of a data set, a line a fact."""
    from kg.cli.fetch import megabytes

    how = "in parts" if dataset["parts"] else dataset["access"]
    rows = [["licence", dataset["licence"]], ["obtained", OBTAINED[how].format(name=dataset["name"])]]
    if dataset["fetched"]:
        categories = ", ".join(dataset["fetched_categories"]) or "nothing that can be prepared"
        size = f"{dataset['files']:,} files, {megabytes(dataset['bytes'])} MB"
        rows += [["fetched", categories], ["", f"{size}, in {dataset['folder']}"]]
    elif dataset["access"] in ("download", "by hand"):
        rows.append(["fetched", "no"])
    if dataset["begun"]:
        rows.append(["", f"in part; the same command goes on. To give it up, remove {dataset['begun']}"])
    for number, store in enumerate(dataset["stores"]):
        text = f"{store['category']}/{store['variant']}, {megabytes(store['bytes'])} MB, {store['file']}"
        rows.append(["" if number else "prepared", text])
    if not dataset["stores"]:
        rows.append(["prepared", "no"])
    card = table(f"{dataset['name']}  {dataset['title']}", ["", ""], rows)
    card.show_header = False
    card.columns[0].style = "dim"
    return card


def _list_backbones(as_json: bool) -> None:
    from kg import plugins

    listed = plugins.backbones()
    show(
        {"backbones": [vars(plugin) for plugin in listed]},
        as_json,
        table(
            "Backbones",
            ["name", "is", "from", "state"],
            [
                [plugin.name, plugin.target, plugin.distribution, plugin.problem or "works"]
                for plugin in listed
            ],
        ),
        "Train with one: kg train --set backbone=NAME",
    )


def _list_described(
    group: str, found: "list[Plugin]", load: Callable[[str], type], as_json: bool, column: str, usage: str
) -> None:
    """Show plugins with the first line of what their classes say of themselves."""
    about = {
        plugin.name: (inspect.getdoc(load(plugin.name)) or "").partition("\n\n")[0].replace("\n", " ")
        for plugin in found
        if not plugin.problem
    }
    rows = [[plugin.name, plugin.problem or about[plugin.name], plugin.distribution] for plugin in found]
    listed = [{**vars(plugin), "about": about.get(plugin.name, "")} for plugin in found]
    show({group: listed}, as_json, table(group.capitalize(), ["name", column, "from"], rows), usage)
