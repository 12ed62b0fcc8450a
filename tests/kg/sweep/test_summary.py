"""Means and deviations over seeds, against numbers worked out by hand."""

import csv
import math

import pytest

from kg.sweep.plan import plan_jobs, plan_methods
from kg.sweep.summary import Cell, Row, Summary, summarise, write_csv, write_latex


def answer(das):
    units = {"forward": "%", "backward": "%", "mean": "%"}
    told = {"split": "test", "protocol": "strict", "shapes": 4}
    parts = {"forward": 0, "backward": 0, "mean": das}
    return {
        "results": [
            {"metric": "das-annotated", "values": parts, "units": units, **told},
            {"metric": "coverage", "values": {"value": None}, "units": {"value": "%"}, **told},
        ]
    }


@pytest.fixture
def answers(jobs):
    return dict(zip(jobs, map(answer, (80.0, 60.0, 90.0, 61.0)), strict=True))


def test_a_cell_is_the_mean_and_the_sample_deviation_over_seeds(jobs, answers):
    das, coverage = summarise(answers, jobs)
    full, without = das.rows
    assert (das.metric, das.part, das.unit) == ("das-annotated", "mean", "%")
    assert full.cells["ellipsoid"].mean == pytest.approx(85)
    assert full.cells["ellipsoid"].deviation == pytest.approx(math.sqrt(50))
    assert str(without.cells["ellipsoid"]) == "60.5 ± 0.7"
    assert das.caption() == (
        "Mean ± standard deviation over seeds, n = 2; test split, 4 shapes, protocol strict."
    )
    assert str(coverage.rows[0].cells["ellipsoid"]) == "–"


def test_floors_have_rows_below_the_methods(jobs, answers, tmp_path):
    for found, das in zip(answers.values(), (30.0, 50.0, 31.0, 51.0), strict=True):
        found["floors"] = [{"name": "box", "results": answer(das)["results"]}]
    das, coverage = summarise(answers, jobs)
    # Of the first method's two seeds.
    assert [(row.label, row.cells["ellipsoid"].values) for row in das.floors] == [("box", {0: 30.0, 1: 31.0})]
    assert das.grid()[-1][0] == "box"
    assert das.to_dict()["floors"] == [{"name": "box", "figures": {"ellipsoid": 30.5}}]
    assert "box: keypoints that no detector found." in das.caption()
    assert coverage.floors == ()
    write_csv(tmp_path / "out.csv", [das])
    with (tmp_path / "out.csv").open(newline="") as file:
        line = list(csv.DictReader(file))[-1]
    assert (line["method"], line["value"], line["source"]) == ("box", "30.5", "floor")


def test_a_seed_that_is_missing_is_told(jobs, answers):
    del answers[jobs[3]]
    das = summarise(answers, jobs)[0]
    assert "n = 1 to 2;" in das.caption()
    assert str(das.rows[1].cells["ellipsoid"]) == "60.0"
    assert str(Cell({})) == "–"


def test_the_paper_stands_beside_an_ablation(jobs, answers):
    das, coverage = summarise(answers, jobs, ablation=True)
    assert das.rows[0].published == {"airplane": 84.7, "chair": 93.4}
    assert das.rows[1].published["airplane"] == 71.5
    assert "published" in das.caption()
    assert das.grid()[0] == ["method", "ellipsoid", *(f"{name} †" for name in das.rows[0].published)]
    assert coverage.rows[0].published == {}


def test_what_is_published_of_garments_stands_beside_the_first_shape_alone(jobs, answers):
    for found in answers.values():
        das = found["results"][0]
        das |= {"metric": "das-unsupervised", "values": {"first": 70.0, "mean": 60.0}}
        das |= {"units": {"first": "%", "mean": "%"}}
    mean, first, coverage = summarise(answers, jobs, ablation=True)
    assert (mean.title, first.title) == ("das-unsupervised (mean), %", "das-unsupervised (first), %")
    assert mean.rows[0].published == coverage.rows[0].published == {}
    assert first.rows[0].published == {"fold shirt": 92.0, "fold pants": 100.0}
    assert first.rows[0].cells["ellipsoid"].mean == 70
    assert [made.title for made in summarise(answers, jobs)] == [mean.title, coverage.title]


def test_what_is_published_of_a_detector_stands_beside_it(tiny_preset, tiny_store, tmp_path):
    tiny_store.dataset, tiny_store.category, tiny_store.variant = "keypointnet", "bed", "official"
    methods = plan_methods(["tiny"], [], [], {}, detectors=["box", "sc3k"])
    planned = plan_jobs(methods, [tiny_store], [0], tmp_path)
    das, _ = summarise(dict(zip(planned, map(answer, (76.0, 50.0)), strict=True)), planned)
    assert [row.published for row in das.rows] == [{}, {"bed": 64.9}]
    assert das.grid() == [["method", "bed", "bed †"], ["box", "76.0", "–"], ["sc3k", "50.0", "64.9"]]
    assert "published" in das.caption()


def test_many_columns_are_lines():
    cells = {f"thing {number}": Cell({0: float(number)}) for number in range(9)}
    made = Summary("das-annotated", "mean", "%", "", (Row("quick", (), cells), Row("kg", (), cells)))
    grid = made.grid()
    assert grid[0] == ["data", "quick", "kg"]
    assert grid[1:] == [[f"thing {number}", f"{number:.1f}", f"{number:.1f}"] for number in range(9)]


def test_csv_has_every_seed_and_says_what_is_published(jobs, answers, tmp_path):
    write_csv(tmp_path / "t.csv", summarise(answers, jobs, ablation=True)[:1])
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    own = {(row["method"], row["seed"]): float(row["value"]) for row in rows if row["source"] == "kg"}
    assert own == {
        ("full", "0"): 80,
        ("without similarity", "0"): 60,
        ("full", "1"): 90,
        ("without similarity", "1"): 61,
    }
    assert len(rows) == 4 + 4


def test_latex_has_a_line_for_each_method(jobs, answers, tmp_path):
    write_latex(tmp_path / "t.tex", [summarise(answers, jobs)[0]])
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert r"full & 85.0 $\pm$ 7.1 \\" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
