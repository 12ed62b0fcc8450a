"""`kg compare` as it is typed."""

import csv
import json

import pytest

from kg.cli.app import run


@pytest.fixture
def two(train, capsys):
    assert train("--name", "one", "--epochs", "1") == 0
    assert train("--name", "two", "--epochs", "1", "--seed", "1", "-k", "3") == 0
    capsys.readouterr()


def test_runs_and_files_stand_side_by_side(two, tmp_path, capsys):
    path = str(tmp_path / "mine.npz")
    assert run(["predict", "--run", "one", "-o", path, "--cpu"]) == 0
    capsys.readouterr()
    assert run(["compare", "one", path, "two", "--metric", "coverage", "--cpu"]) == 0
    out, err = capsys.readouterr()
    heading, first, second, *_ = out.splitlines()
    assert heading.split() == ["coverage", "Δ", "to", "1", "n"]
    assert first.split()[:2] == ["1", second.split()[1]]
    assert "+0.0" in second.split()
    assert "3 two" in out
    assert "They differ in numbers of keypoints: 4, 3." in err


def test_tables_for_programs_and_papers(two, tmp_path, capsys):
    table, paper = tmp_path / "t.csv", tmp_path / "t.tex"
    words = ["--metric", "coverage,spread", "--csv", str(table), "--latex", str(paper)]
    assert run(["compare", "one", "two", "--cpu", *words]) == 0
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first, second = (next(row for row in rows if row["name"] == name) for name in ("one", "two"))
    assert float(second["difference"]) == pytest.approx(float(second["value"]) - float(first["value"]))
    assert (first["difference"], first["source"], first["metric"]) == ("", "kg", "coverage")
    text = paper.read_text(encoding="utf-8")
    assert "% They differ in numbers of keypoints: 4, 3." in text
    assert r"coverage & $\Delta$ to 1 & spread & n \\" in text
    assert "two & " in text


def test_json_has_everything(two, capsys):
    assert run(["compare", "one", "two", "--metric", "coverage,spread", "--cpu", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in printed["entries"]] == ["one", "two"]
    assert set(printed["entries"][1]["difference_from_first"]) == {"coverage", "spread"}
    assert printed["warnings"]


def test_runs_are_asked_again_where_a_metric_or_a_protocol_wants_it(two, tmp_path, capsys):
    path = str(tmp_path / "mine.npz")
    assert run(["predict", "--run", "one", "-o", path, "--cpu"]) == 0
    capsys.readouterr()
    words = ["one", path, "two", "--metric", "repeatability", "--cpu", "--json"]
    assert run(["compare", *words]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    one, same, two = (entry["results"][0]["values"]["rotation"] for entry in entries)
    assert one == pytest.approx(same)
    assert one != pytest.approx(two)
    assert run(["compare", "one", "two", "--protocol", "useek", "--cpu", "--json"]) == 0


def test_what_cannot_be_measured_is_named(two, capsys):
    assert run(["compare", "one", "--metric", "correspondence", "--cpu"]) == 1
    err = capsys.readouterr().err
    assert "one: The metric 'correspondence' cannot be measured" in err
