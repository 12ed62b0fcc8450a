"""What a report's page says of where the results come from."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

import kg
from kg.config import PRESETS, Config
from kg.evaluation.metrics import Curve
from kg.evaluation.report.charts import chart
from kg.evaluation.report.subject import Subject
from kg.train import runs

LOSSES = {
    "Farthest point loss": ("farthest", "val_farthest"),
    "Similarity loss": ("similarity", "val_similarity"),
    "Separation loss": ("separation",),
    "Weighted sum": ("loss", "val_loss"),
}


def told(subject: Subject) -> dict[str, Any]:
    """Return all that the page says of the results' origin, by the names that its template has."""
    return {
        "training": _training(subject),
        "configuration": _configuration(subject),
        "provenance": _provenance(subject),
    }


def _training(subject: Subject) -> dict[str, Any] | None:
    """Return the losses over the epochs."""
    entries = runs.read_metrics(subject.run) if subject.run else []
    charts = []
    for title, names in LOSSES.items():
        curves = [
            _over_epochs(entries, name) for name in names if any(entry.get(name, 0) > 0 for entry in entries)
        ]
        if curves:
            charts.append((title, chart(curves, logarithmic=True)))
    if not charts:
        return None
    minutes = sum(entry["seconds"] for entry in entries) / 60
    measured = subject.predictions.meta.get("epoch")
    about = f"{len(entries)} epochs in {minutes:.1f} minutes; measured is epoch {measured}."
    return {"about": about, "charts": charts}


def _over_epochs(entries: Sequence[Mapping[str, float]], name: str) -> Curve:
    epochs = np.array([entry["epoch"] for entry in entries], np.float64)
    losses = np.array([entry.get(name, math.nan) for entry in entries], np.float64)
    label = "validation" if name.startswith("val") else "training"
    return Curve(label, epochs, losses, x_label="epoch", y_label="loss", x_unit="", y_unit="")


def _configuration(subject: Subject) -> dict[str, Any] | None:
    """Return every option of the run."""
    if subject.run is None:
        return None
    config = runs.read_config(subject.run)
    values, base = config.to_dict(), PRESETS.get(config.preset, Config()).to_dict()
    parts = [
        (
            part,
            [
                {"name": name, "value": _option(value), "changed": base[part][name] != value}
                for name, value in values[part].items()
            ],
        )
        for part in ("model", "train")
    ]
    left_out = f" Left out of the method: {', '.join(config.lacks())}." if config.lacks() else ""
    return {"about": f"Preset {config.preset}; what differs from it is marked.{left_out}", "parts": parts}


def _option(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items()) or "–"
    return str(value)


def _provenance(subject: Subject) -> list[tuple[str, str]]:
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
        "precision": meta.get("precision"),
        "trained on": environment.get("device"),
        "platform": environment.get("platform"),
        "versions": _listed(environment.get("versions", {})),
        "kernels": _listed(environment.get("kernels", {})),
        "written": f"{datetime.now().astimezone().isoformat(timespec='minutes')} by kg {kg.__version__}",
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
