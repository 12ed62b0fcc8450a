"""The sections of a report about where the figures come from."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kg
from kg.config import PRESETS, Config
from kg.evaluation.report.charts import Line, line_chart
from kg.evaluation.report.html import card, grid, section
from kg.evaluation.report.subject import Subject
from kg.train import runs

LOSSES = {
    "Farthest point loss": ("farthest", "val_farthest"),
    "Similarity loss": ("similarity", "val_similarity"),
    "Separation loss": ("separation",),
    "Weighted sum": ("loss", "val_loss"),
}


def training(subject: Subject) -> str:
    """Return the losses over the epochs."""
    entries = runs.read_metrics(subject.run) if subject.run else []
    charts = []
    for title, names in LOSSES.items():
        lines = [
            Line("validation" if name.startswith("val") else "training", *_over_epochs(entries, name))
            for name in names
            if any(entry.get(name, 0) > 0 for entry in entries)
        ]
        if lines:
            charts.append(card(line_chart(lines, "epoch", "", logarithmic=True), title))
    if not charts:
        return ""
    minutes = sum(entry["seconds"] for entry in entries) / 60
    measured = subject.predictions.meta.get("epoch")
    about = f"{len(entries)} epochs in {minutes:.1f} minutes; measured is epoch {measured}."
    return section("Training", grid(charts), about)


def _over_epochs(
    entries: Sequence[Mapping[str, float]], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    epochs = np.array([entry["epoch"] for entry in entries], np.float64)
    return epochs, np.array([entry.get(name, math.nan) for entry in entries], np.float64)


def configuration(subject: Subject) -> str:
    """Return every option of the run."""
    if subject.run is None:
        return ""
    config = runs.read_config(subject.run)
    values, base = config.to_dict(), PRESETS.get(config.preset, Config()).to_dict()
    cards = []
    for part in ("model", "train"):
        rows = "".join(
            f'<tr class="{"changed" if base[part][name] != value else ""}"><td>{escape(name)}</td>'
            f'<td class="number">{escape(_option(value))}</td></tr>'
            for name, value in values[part].items()
        )
        cards.append(card(f"<table>{rows}</table>", part))
    left_out = f" Left out of the method: {', '.join(config.lacks())}." if config.lacks() else ""
    about = f"Preset {config.preset}; what differs from it is marked.{left_out}"
    return section("Configuration", grid(cards), about)


def _option(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items()) or "–"
    return str(value)


def provenance(subject: Subject) -> str:
    """Return commands, seeds, versions and checksums."""
    meta = subject.predictions.meta
    store: Mapping[str, Any] = meta.get("store") or {}
    environment = runs.read_environment(subject.run) if subject.run else {}
    facts = {
        "this report": subject.command,
        "predictions": meta.get("command"),
        "training": environment.get("command"),
        "data": (subject.provenance or {}).get("command"),
        "run": meta.get("run"),
        "checkpoint, SHA-256": meta.get("checkpoint"),
        "store": store.get("path"),
        "its points, SHA-256": store.get("checksum"),
        "unit of the source": meta.get("unit"),
        "inference": meta.get("inference"),
        "trained on": environment.get("device"),
        "platform": environment.get("platform"),
        "versions": _listed(environment.get("versions", {})),
        "kernels": _listed(environment.get("kernels", {})),
        "written": f"{datetime.now().astimezone().isoformat(timespec='minutes')} by kg {kg.__version__}",
    }
    rows = "".join(
        f'<tr><td class="first">{escape(name)}</td><td><code>{escape(str(value))}</code></td></tr>'
        for name, value in facts.items()
        if value
    )
    return section("Where it comes from", card(f"<table>{rows}</table>"))


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
