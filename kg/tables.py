"""Results as tables: CSV for programs, LaTeX (booktabs) for papers."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kg import paths
from kg.data.corruptions import CORRUPTIONS
from kg.results import Result
from kg.robustness import Robustness

FACTS = ("dataset", "category", "variant", "split_by", "preset", "inference")
"""Of the predictions, that stand in every row."""


def rows(results: Sequence[Result], meta: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Return a row for every part of every metric, with all that it takes to read it alone."""
    return [
        {
            **{name: meta.get(name, "") for name in FACTS},
            "split": result.split,
            "protocol": result.protocol,
            "metric": result.metric,
            "part": part,
            "value": result.values[part],
            "unit": unit,
            "low": result.intervals.get(part, ("", ""))[0],
            "high": result.intervals.get(part, ("", ""))[1],
            "deviation": result.deviations.get(part, ""),
            "shapes": result.shapes,
            "space": result.space,
            "threshold": "" if result.threshold is None else result.threshold,
            "seeds": " ".join("?" if seed is None else str(seed) for seed in result.seeds),
            "checkpoints": " ".join(result.checkpoints),
            "corruption": "",
            "level": "",
            **more,
        }
        for result in results
        for part, unit in result.units.items()
    ]


def write_csv(
    path: Path, results: Sequence[Result], meta: Mapping[str, Any], curves: Sequence[Robustness] = ()
) -> None:
    """Write a row for every part of every metric, and for every level of every corruption; whole or not."""
    written = rows(results, meta)
    for curve in curves:
        for level, found in zip(curve.levels, curve.results, strict=True):
            written += rows(found, meta, corruption=curve.corruption, level=level)
    with paths.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, written[0].keys())
        table.writeheader()
        table.writerows(written)


def write_latex(
    path: Path, results: Sequence[Result], meta: Mapping[str, Any], curves: Sequence[Robustness] = ()
) -> None:
    """Write a table of the results and one for each corruption, each by itself; whole or not."""
    lines = ["% \\usepackage{booktabs}", *(f"% {fact}" for fact in facts(results, meta)), *_table(results)]
    for curve in curves:
        lines += ["", f"% {curve.corruption}, seed {curve.seed}", *_levels(curve)]
    with paths.replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def facts(results: Sequence[Result], meta: Mapping[str, Any]) -> list[str]:
    """Return what the results have in common, a line each, for comments and captions."""
    first = results[0]
    named = {
        "protocol": first.protocol,
        "data": "/".join(str(meta[key]) for key in ("dataset", "category", "variant") if meta.get(key)),
        "split": f"{first.split}, by {meta['split_by']}" if meta.get("split_by") else first.split,
        "unit": meta.get("unit"),
        "run": _joined(meta.get("run")),
        "checkpoint": ", ".join(first.checkpoints),
        "preset": _joined(meta.get("preset")),
        "seed": ", ".join(str(seed) for seed in first.seeds if seed is not None),
        "inference": meta.get("inference"),
        "reference": next((result.reference for result in results if result.reference), None),
    }
    return [f"{name:<11}{value}" for name, value in named.items() if value not in (None, "")]


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _table(results: Sequence[Result]) -> list[str]:
    lines = [r"\begin{tabular}{llrrrl}", r"\toprule", r"metric & part & value & 95\,\% & $n$ & threshold \\"]
    lines.append(r"\midrule")
    for result in results:
        where = "--" if result.threshold is None else f"{result.threshold:g} {result.space}"
        for part, unit in result.units.items():
            value = f"{result.values[part]:.1f}"
            if part in result.deviations:
                value += rf" $\pm$ {result.deviations[part]:.1f}"
            low, high = result.intervals.get(part, (None, None))
            interval = "--" if low is None else f"{low:.1f}--{high:.1f}"
            cells = (escape(result.metric), escape(f"{part} ({unit})"), value, interval)
            lines.append(" & ".join((*cells, str(result.shapes), escape(where))) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _levels(curve: Robustness) -> list[str]:
    kind = CORRUPTIONS[curve.corruption]
    heading = kind.axis + (f" ({kind.unit})" if kind.unit else "")
    columns = " & ".join(f"{level:g}" for level in curve.levels)
    lines = [rf"\begin{{tabular}}{{l{'r' * len(curve.levels)}}}", r"\toprule"]
    lines += [rf"{escape(heading)} & {columns} \\", r"\midrule"]
    for of_part in curve.curves():
        values = " & ".join("--" if value != value else f"{value:.1f}" for value in of_part.y)
        lines.append(rf"{escape(f'{of_part.name} ({of_part.y_unit})')} & {values} \\")
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def escape(text: str) -> str:
    """Return a text whose special characters LaTeX prints."""
    special = {"\\": r"\textbackslash{}", "²": "$^2$", "σ": r"$\sigma$", "~": r"\textasciitilde{}"}
    special |= {mark: f"\\{mark}" for mark in "&%$#_{}"} | {"^": r"\textasciicircum{}"}
    return "".join(special.get(mark, mark) for mark in text)
