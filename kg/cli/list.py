"""`kg list`."""

from typing import Annotated, Any, Literal

import typer

from kg.cli.inventory import show_list
from kg.cli.output import Json, show, table

OBTAINED = {
    "built in": "built in, made by kg prepare",
    "in place": "yours: kg prepare {name} --from FOLDER",
    "by hand": "by hand; the steps: kg fetch {name}",
    "download": "kg fetch {name}",
    "in parts": "kg fetch {name}, or a part of it with --category",
}


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

    kg list                 data sets, and what you have of each
    kg list runs            trainings, the latest first
    kg list trained         detectors that come with kg
    kg list stores          prepared data
    kg list detectors
    kg list metrics --json
    """
    if what == "datasets":
        _list_datasets(as_json)
    else:
        show_list(what, as_json)


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
