import csv
from dataclasses import replace

import numpy as np
import pytest

from kg.data.corruptions import CORRUPTIONS
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.metrics import METRICS, Curve
from kg.evaluation.protocols import find_protocol
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness
from kg.evaluation.tables import escape, write_csv, write_latex

META = {"dataset": "folder", "category": "bag_1", "split_by": "object", "run": ["a", "b"], "preset": "kg"}


@pytest.fixture
def result():
    return Result(
        metric="miou",
        values={"value": 27.813},
        units={"value": "%"},
        protocol="strict",
        split="test",
        shapes=40,
        space="source (metre)",
        threshold=0.1,
        seeds=(0, 1),
        checkpoints=("abc", "def"),
        reference=None,
        warnings=(),
        intervals={"value": (26.15, 29.71)},
        deviations={"value": 1.25},
        curves=(Curve("mIoU", np.arange(2.0), np.arange(2.0), "threshold", "mIoU", "metre"),),
    )


@pytest.fixture
def evaluation(result):
    worse = replace(result, values={"value": float("nan")})
    noise = Robustness("noise", [0.0, 0.08], [[result], [worse]], seed=3)
    return Evaluation([result], META, find_protocol("strict"), predictions=None, robustness=[noise])


def test_every_row_of_the_csv_can_be_read_alone(evaluation, tmp_path):
    write_csv(tmp_path / "out.csv", evaluation)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["corruption"], row["level"]) for row in rows] == [
        ("", ""),
        ("noise", "0.0"),
        ("noise", "0.08"),
    ]
    first = rows[0]
    assert (float(first["value"]), float(first["low"]), float(first["high"])) == (27.813, 26.15, 29.71)
    for row in rows:
        assert (row["protocol"], row["split"], row["shapes"], row["threshold"]) == (
            "strict",
            "test",
            "40",
            "0.1",
        )
        assert (row["space"], row["seeds"], row["checkpoints"]) == ("source (metre)", "0 1", "abc def")
        assert row["category"] == "bag_1"


def test_latex(evaluation, tmp_path):
    write_latex(tmp_path / "out.tex", evaluation)
    text = (tmp_path / "out.tex").read_text()
    assert r"miou & value (\%) & 27.8 $\pm$ 1.2 & 26.1--29.7 & 40 & 0.1 source (metre) \\" in text
    assert r"noise, $\sigma$ (normalised) & 0 & 0.08 \\" in text
    assert r"miou value (\%) & 27.8 & -- \\" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert "% checkpoint abc, def" in text
    assert "% run        a, b" in text


def test_latex_can_set_every_unit_axis_and_sign():
    units = {unit for metric in METRICS.values() for unit in metric.units.values()}
    axes = {text for kind in CORRUPTIONS.values() for text in (kind.axis, kind.unit)}
    for text in (*units, *axes, "Δ to 1", "Key-Grid †", "1.0 ± 0.2", "1–2"):
        assert escape(text).isascii(), text


def test_latex_escapes():
    assert escape("das_1 & 5 % #{x}^~\\") == (
        r"das\_1 \& 5 \% \#\{x\}\textasciicircum{}\textasciitilde{}\textbackslash{}"
    )
