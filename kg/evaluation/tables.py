"""Results as tables: CSV for programs, LaTeX (booktabs) for papers."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kg import paths
from kg.data.corruptions import CORRUPTIONS
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.floors import Floor
from kg.evaluation.results import COLLAPSED, Result
from kg.evaluation.robustness import Robustness

FACTS = ("dataset", "category", "variant", "split_by", "preset", "inference", "precision")
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
            "value": "" if result.meaningless else result.values[part],
            "unit": unit,
            "low": "" if result.meaningless else result.intervals.get(part, ("", ""))[0],
            "high": "" if result.meaningless else result.intervals.get(part, ("", ""))[1],
            "deviation": "" if result.meaningless else result.deviations.get(part, ""),
            "shapes": result.shapes,
            "space": result.space,
            "threshold": "" if result.threshold is None else result.threshold,
            "seeds": " ".join("?" if seed is None else str(seed) for seed in result.seeds),
            "checkpoints": " ".join(result.checkpoints),
            "corruption": "",
            "level": "",
            "floor": "",
            "collapsed": "yes" if result.collapsed else "",
            **more,
        }
        for result in results
        for part, unit in result.units.items()
    ]


def write_csv(path: Path | str, evaluation: Evaluation) -> None:
    """Write a row for every part of every metric, for every level of every corruption; whole or not.

    Those of reference keypoints have their name in the column `floor`.
    """
    meta = evaluation.meta
    written = rows(evaluation.results, meta)
    for floor in evaluation.floors:
        written += rows(floor.results, meta, floor=floor.name)
    for curve in evaluation.robustness:
        for level, results in zip(curve.levels, curve.results, strict=True):
            written += rows(results, meta, corruption=curve.corruption, level=level)
    save_csv(path, written)


def write_latex(path: Path | str, evaluation: Evaluation) -> None:
    """Write a table of the results and one for each corruption, each by itself; whole or not.

    Reference keypoints have columns of their own.
    """
    results = evaluation.results
    lines = [*(f"% {fact}" for fact in facts(results, evaluation.meta)), *_table(results, evaluation.floors)]
    for curve in evaluation.robustness:
        lines += ["", f"% {curve.corruption}, seed {curve.seed}", *_levels(curve)]
    save_latex(path, lines)


def save_csv(path: Path | str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write a line for every mapping, whole or not at all; a column is empty where one lacks it."""
    columns = list(dict.fromkeys(name for line in lines for name in line))
    with paths.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(lines)


def save_latex(path: Path | str, lines: Sequence[str]) -> None:
    """Write LaTeX below a note of the package that its tables need, whole or not at all."""
    with paths.replacing(path) as temporary:
        temporary.write_text("\n".join([r"% \usepackage{booktabs}", *lines]) + "\n", encoding="utf-8")


def tabular(columns: str, grid: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of texts as lines of LaTeX (booktabs), its headings first."""
    heading, *lines = (" & ".join(map(escape, line)) + r" \\" for line in grid)
    begin, end = rf"\begin{{tabular}}{{{columns}}}", r"\end{tabular}"
    return [begin, r"\toprule", heading, r"\midrule", *lines, r"\bottomrule", end]


def facts(results: Sequence[Result], meta: Mapping[str, Any]) -> list[str]:
    """Return what the results have in common, a line each, for comments and captions."""
    first = results[0]
    value_of = {
        "protocol": first.protocol,
        "data": "/".join(str(meta[key]) for key in ("dataset", "category", "variant") if meta.get(key)),
        "split": f"{first.split}, by {meta['split_by']}" if meta.get("split_by") else first.split,
        "unit": meta.get("unit"),
        "run": _joined(meta.get("run")),
        "checkpoint": ", ".join(first.checkpoints),
        "preset": _joined(meta.get("preset")),
        "seed": ", ".join(str(seed) for seed in first.seeds if seed is not None),
        "inference": meta.get("inference"),
        # Older predictions do not say it.
        "precision": meta.get("precision"),
        "reference": next((result.reference for result in results if result.reference), None),
    }
    return [f"{name:<11}{value}" for name, value in value_of.items() if value not in (None, "")]


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _table(results: Sequence[Result], floors: Sequence[Floor]) -> list[str]:
    names = [floor.name for floor in floors]
    grid = [["metric", "part", "value", *names, "95 %", "n", "threshold"]]
    for result in results:
        where = "–" if result.threshold is None else f"{result.threshold:g} {result.space}"
        for part, unit in result.units.items():
            value = f"{result.values[part]:.1f}"
            if part in result.deviations:
                value += f" ± {result.deviations[part]:.1f}"
            low, high = result.intervals.get(part, (None, None))
            interval = "–" if low is None else f"{low:.1f}–{high:.1f}"
            if result.meaningless:
                value, interval = COLLAPSED, "–"
            beside = [
                "–" if (other := floor.result(result.metric)) is None else f"{other.values[part]:.1f}"
                for floor in floors
            ]
            name = f"{part} ({unit})"
            grid.append([result.metric, name, value, *beside, interval, str(result.shapes), where])
    return tabular(f"llr{'r' * len(floors)}rrl", grid)


def _levels(curve: Robustness) -> list[str]:
    kind = CORRUPTIONS[curve.corruption]
    heading = kind.axis + (f" ({kind.unit})" if kind.unit else "")
    grid = [[heading, *(f"{level:g}" for level in curve.levels)]]
    for of_part in curve.curves():
        values = ("–" if value != value else f"{value:.1f}" for value in of_part.y)
        grid.append([f"{of_part.name} ({of_part.y_unit})", *values])
    return tabular("l" + "r" * len(curve.levels), grid)


def escape(text: str) -> str:
    """Return a text whose special characters LaTeX prints."""
    special = {"\\": r"\textbackslash{}", "σ": r"$\sigma$", "~": r"\textasciitilde{}"}
    special |= {"±": r"$\pm$", "×": r"$\times$", "Δ": r"$\Delta$", "†": r"\dag{}", "–": "--"}
    special |= {"²": "$^2$", "³": "$^3$", "⁻": "$^-$"}
    special |= {mark: f"\\{mark}" for mark in "&%$#_{}"} | {"^": r"\textasciicircum{}"}
    return "".join(special.get(mark, mark) for mark in text)
