"""`kg list`."""

import inspect
from typing import Annotated, Any, Literal

import typer

from kg.cli.inventory import LISTS, show_list
from kg.cli.output import Json, show, table

OBTAINED = {
    "built in": "built in, made by kg prepare",
    "in place": "yours: kg prepare {name} --from FOLDER",
    "by hand": "by hand; the steps: kg fetch {name}",
    "download": "kg fetch {name}",
    "in parts": "kg fetch {name}, or a part of it with --category",
}

DESCRIBED = {
    "detectors": ("how it finds keypoints", "Train one: kg train --category shirt --detector NAME"),
    "backbones": ("what it is", "Train with one: kg train --set backbone=NAME"),
    "deformations": (
        "what happens to a garment",
        "Use one: kg prepare --category shirt --deform NAME; options: kg prepare --deform NAME --set help",
    ),
}
"""Of plugins: the heading of what they say of themselves, and what to type next."""


def list_plugins(
    what: Annotated[
        Literal[
            "datasets",
            "detectors",
            "backbones",
            "deformations",
            "runs",
            "trained",
            "stores",
            "metrics",
            "presets",
            "protocols",
            "corruptions",
        ],
        typer.Argument(help="What to list.", show_choices=True),
    ] = "datasets",
    as_json: Json = False,
) -> None:
    """List what there is of a kind: data sets, plugins, runs, stores, metrics and the like.

    kg list                 data sets, with what is here of each
    kg list runs            trainings, the latest first
    kg list trained         detectors that come with kg
    kg list stores          prepared data
    kg list detectors
    kg list metrics --json
    """
    if what == "datasets":
        _list_datasets(as_json)
    elif what in LISTS:
        show_list(what, as_json)
    else:
        _list_plugins(what, as_json)


def _list_datasets(as_json: bool) -> None:
    from kg import paths, plugins

    listed = plugins.DATASETS.all()
    described = [_describe(plugin.name) for plugin in listed if not plugin.problem]
    broken = [vars(plugin) for plugin in listed if plugin.problem]
    show(
        {"datasets": described, "broken": broken, "home": str(paths.home())},
        as_json,
        *(part for dataset in described for part in (_card(dataset), "")),
        f"All lie in {paths.home()} (KG_HOME)",
    )


def _describe(name: str) -> dict[str, Any]:
    from kg import paths, plugins
    from kg.errors import KgError

    dataset = plugins.DATASETS.load(name)()
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


def _list_plugins(what: str, as_json: bool) -> None:
    """Show plugins with the first line of what their classes say of themselves."""
    from kg import plugins

    kind = next(kind for kind in plugins.KINDS if kind.group == f"kg.{what}")
    every = kind.all()
    about = {
        plugin.name: (inspect.getdoc(kind.load(plugin.name)) or "").partition("\n\n")[0].replace("\n", " ")
        for plugin in every
        if not plugin.problem
    }
    rows = [[plugin.name, plugin.problem or about[plugin.name], plugin.distribution] for plugin in every]
    listed = [{**vars(plugin), "about": about.get(plugin.name, "")} for plugin in every]
    column, usage = DESCRIBED[what]
    show({what: listed}, as_json, table(what.capitalize(), ["name", column, "from"], rows), usage)
