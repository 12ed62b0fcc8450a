"""What `kg list` shows of runs, stores, metrics, presets and protocols."""

import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from kg.cli.output import note, show, table

Listing = tuple[Sequence[str], Sequence[Sequence[Any]], str]
"""Columns, rows, and what to type next."""


def _runs() -> Listing:
    from kg import paths
    from kg.errors import KgError
    from kg.train.runs import all_runs, checkpoint_times, name_of, read_config, read_metrics

    dated_rows = []
    for run in all_runs():
        try:
            config, done, times = read_config(run), read_metrics(run), checkpoint_times(run)
        except FileNotFoundError:  # just being removed
            continue
        except KgError as error:  # of another version, say
            note(f"{error.message.removesuffix('.')}. It is left out.", "warning")
            continue
        loss = min((entry["val_loss"] for entry in done if "val_loss" in entry), default="")
        saved = datetime.fromtimestamp(max(times) / 1e9).isoformat(" ", "seconds") if times else ""
        epochs = f"{len(done)} of {config.train.epochs}"
        how = f"{config.model.detector}, {config.preset}, seed {config.train.seed}"
        data = "/".join(config.data.store.removesuffix(".h5").rsplit("/", 3)[-3:])
        dated_rows.append((max(times, default=0), [name_of(run), data, how, epochs, loss, saved]))
    dated_rows.sort(key=lambda each: each[0], reverse=True)
    columns = ("run", "data", "method", "epochs", "best val_loss", "saved")
    usage = "Use one: kg predict --run NAME; the first is 'latest'"
    none = f"There is no run in {paths.runs()} (KG_RUNS). Train one: kg train --category shirt"
    return columns, [row for _, row in dated_rows], usage if dated_rows else none


def _trained() -> Listing:
    import torch

    from kg.model.checkpoint import load_checkpoint
    from kg.model.portable import all_trained

    rows = []
    for file in all_trained():
        model = load_checkpoint(file, torch.device("cpu")).config.model
        size = round(file.stat().st_size / 1e6, 1)
        rows.append([file.stem, model.detector, ", ".join(model.categories), model.count, size])
    columns = ("detector", "method", "categories", "K", "MB")
    return columns, rows, "Use one: kg predict scan.ply --run NAME"


def _stores() -> Listing:
    from kg import paths
    from kg.data.store import Store
    from kg.errors import KgError

    rows = []
    for path in paths.stores():
        try:
            store = Store(path)
            size = round(store.size / 1e6, 1)
        except FileNotFoundError:  # just being removed
            continue
        except KgError as error:
            note(f"{error.message.removesuffix('.')}. It is left out.", "warning")
            continue
        rows.append([store.name, store.count, store.points_per_cloud, store.unit, size, str(path)])
    columns = ("store", "shapes", "N", "unit", "MB", "file")
    usage = "Train on one: kg train --category CATEGORY --variant VARIANT, or --store FILE"
    none = f"There is no store in {paths.home()} (KG_HOME). Make one: kg prepare --category shirt"
    return columns, rows, usage if rows else none


def _metrics() -> Listing:
    from kg.evaluation.metrics import METRICS

    rows = [
        [
            name,
            ", ".join(f"{part} ({metric.units[part]})" for part in metric.whole),
            "" if metric.threshold is None else metric.threshold,
            {None: "nothing", "rest_positions": "rest positions"}.get(metric.truth, metric.truth),
            _first_sentence(inspect.getdoc(inspect.getmodule(metric.measure)) or ""),
        ]
        for name, metric in METRICS.items()
    ]
    columns = ("metric", "parts", "threshold", "needs", "what it measures")
    return columns, rows, "Measure: kg eval --metric NAME,NAME; more: kg docs measuring"


def _presets() -> Listing:
    from kg.config import ABOUT, PRESETS
    from kg.config.file import flatten

    texts = {name: flatten(preset.to_dict()).options for name, preset in PRESETS.items()}
    usual, *_ = texts.values()
    rows = [
        [name, ABOUT[name], " ".join(f"{key}={text}" for key, text in own.items() if text != usual.get(key))]
        for name, own in texts.items()
    ]
    return (
        ("preset", "what it is", "what differs"),
        rows,
        "Train with one: kg train --preset NAME; all options: --set help",
    )


def _protocols() -> Listing:
    from kg.evaluation.protocols import PROTOCOLS

    rows = [
        [each.name, each.title, ", ".join(each.metrics + each.optional), each.source]
        for each in PROTOCOLS.values()
    ]
    return ("protocol", "how", "metrics", "source"), rows, "Measure by one: kg eval --protocol NAME"


def _corruptions() -> Listing:
    from kg.data.corruptions import CORRUPTIONS

    rows = [
        [
            name,
            kind.title,
            " ".join(f"{level:g}" for level in kind.spaced(*kind.levels)),
            kind.unit or kind.label,
        ]
        for name, kind in CORRUPTIONS.items()
    ]
    columns = ("corruption", "what happens to a cloud", "levels", "unit")
    return columns, rows, "Measure on corrupted clouds: kg eval --corrupt NAME=FROM:TO"


def _first_sentence(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".")


LISTS: dict[str, Callable[[], Listing]] = {
    "runs": _runs,
    "trained": _trained,
    "stores": _stores,
    "metrics": _metrics,
    "presets": _presets,
    "protocols": _protocols,
    "corruptions": _corruptions,
}
"""What makes each list, by its name."""


PLUGINS = {
    "detectors": (
        "how it finds keypoints",
        "Train one: kg train --category shirt --detector NAME; options: kg train --detector NAME --set help",
    ),
    "backbones": (
        "what it is",
        "Use one: kg train --category shirt --backbone NAME; options: kg train --backbone NAME --set help",
    ),
    "deformations": (
        "what happens to a garment",
        "Use one: kg prepare --category shirt --deform NAME; options: kg prepare --deform NAME --set help",
    ),
}
"""Of plugins: the heading of what they say of themselves, and what to type next."""


def show_list(what: str, as_json: bool) -> None:
    """Show one of `LISTS`, or of the kinds of plugins in `PLUGINS`."""
    if what in PLUGINS:
        _show_plugins(what, as_json)
        return
    columns, rows, usage = LISTS[what]()
    listed = [dict(zip(columns, row, strict=True)) for row in rows]
    made = table(what.capitalize(), columns, rows, whole=columns[:1])  # names are there to be copied
    show({what: listed}, as_json, *([made] if rows else []), usage)


def _show_plugins(what: str, as_json: bool) -> None:
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
    column, usage = PLUGINS[what]
    show({what: listed}, as_json, table(what.capitalize(), ["name", column, "from"], rows), usage)


def show_help(as_json: bool, **values_by_list: Sequence[str] | None) -> bool:
    """Show the list of the first option of which a value is "help"; tell whether there is one.

    Args:
        as_json: Print JSON.
        values_by_list: The values of options, each by the name of the list of what it takes.
    """
    what = next(
        (what for what, values in values_by_list.items() if "help" in ",".join(values or ()).split(",")), None
    )
    if what is not None:
        show_list(what, as_json)
    return what is not None
