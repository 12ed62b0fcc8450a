import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kg import paths
from kg.cli.app import run
from kg.config import Config
from kg.data.corruptions import CORRUPTIONS
from kg.evaluation.comparable import other_options
from kg.evaluation.metrics import METRICS
from kg.evaluation.protocols import PROTOCOLS
from kg.inference.predictions import Predictions


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (4, 50, 3)).astype(np.float32)
    return Predictions(
        ids=np.array([f"thing[{row}]" for row in range(4)]),
        objects=np.array(list("abcd")),
        points=points,
        scale=np.ones(4),
        offset=np.zeros(4),
        keypoints=points[:, :6],
        keypoints_source=points[:, :6].astype(float),
        indices=np.tile(np.arange(6), (4, 1)),
        confidences=np.ones((4, 6), np.float32),
        edge_pairs=np.empty((0, 2), np.int64),
        edges=np.empty((4, 0), np.float32),
        meta={
            "run": "some-run",
            "checkpoint": "0123456789ab",
            "preset": "quick",
            "seed": 7,
            "dataset": "garments",
            "category": "shirt",
            "variant": "rest",
            "store": {},
            "split": "test",
            "split_by": "object",
            "inference": "soft",
        },
    )


@pytest.fixture
def saved(predictions, tmp_path):
    path = tmp_path / "out.npz"
    predictions.save(path)
    return str(path)


@pytest.fixture
def detections(predictions, monkeypatch):
    """What was asked of the detector, which answers with `predictions`."""
    import kg.inference.front

    asked = {}
    for name in ("a", "b", "c", "some/run"):
        folder = paths.runs() / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")

    def load(run, checkpoint, device):
        asked.update(run=run, checkpoint=checkpoint, device=str(device))
        return FakeDetector()

    class FakeDetector:
        checkpoint = SimpleNamespace(config=Config())

        def known(self, category):
            return None

        def detect(self, clouds, options, *, category, progress):
            asked.setdefault("clouds", []).append(clouds.points)
            return replace(predictions, keypoints=clouds.points[:, :6])

    def predict_store(detector, *, store, split, progress):
        assert isinstance(detector, FakeDetector)
        progress(4, 4)
        asked.update(store=store, split=split)
        seed = len(asked.setdefault("runs", []))
        asked["runs"].append(asked["run"])
        meta = {
            **predictions.meta,
            "run": Path(str(asked["run"])).name,
            "seed": seed,
            "checkpoint": f"{seed:012}",
        }
        return replace(predictions, meta=meta)

    monkeypatch.setattr(kg.inference.front.Predictor, "load", load)
    monkeypatch.setattr(kg.inference.front, "predict_store", predict_store)
    return asked


def test_json(saved, capsys):
    assert run(["eval", saved, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["predictions"]["run"] == "some-run"
    first = printed["results"][0]
    assert (first["metric"], first["shapes"], first["split"]) == ("das-unsupervised", 4, "test")
    assert [result["metric"] for result in printed["results"]] == ["das-unsupervised", "coverage", "spread"]
    assert printed["results"][2]["values"]["distinct"] == 6
    assert first["reference"] == "thing[0]"
    # No ground truth: the template and the box, measured in the same way.
    assert [floor["name"] for floor in printed["floors"]] == ["template", "box"]
    for floor in printed["floors"]:
        assert [result["metric"] for result in floor["results"]] == ["das-unsupervised", "coverage", "spread"]
    box = printed["floors"][1]["results"]
    assert box[1]["values"]["value"] == pytest.approx(100)
    assert run(["eval", saved, "--json", "--no-floors"]) == 0
    assert json.loads(capsys.readouterr().out) == {**printed, "floors": []}


def test_table(saved, capsys):
    assert run(["eval", saved, "--metric", "inclusivity", "--no-floors"]) == 0
    out, err = capsys.readouterr()
    above, heading, line, *caption = out.splitlines()
    assert above.split() == ["space,"]
    assert heading.split() == ["metric", "part", "value", "95", "%", "unit", "n", "threshold"]
    assert line.split() == ["inclusivity", "value", "100", "%", "4", "normalised,", "0.05"]
    facts = dict(line.split(maxsplit=1) for line in caption if line)
    assert (facts["run"], facts["checkpoint"], facts["seed"]) == ("some-run", "0123456789ab", "7")
    assert facts["split"] == "test, by object"
    assert "Only 4 objects" in err


def test_floors_stand_beside_the_figures(saved, capsys):
    assert run(["eval", saved, "--metric", "coverage"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heading = next(number for number, line in enumerate(lines) if "measured" in line)
    assert lines[heading].split() == ["metric", "part", "measured", "template", "box"]
    assert lines[heading + 1].split()[-1] == "100.0"
    assert lines[heading + 2].startswith("template: the mean of these keypoints")


def test_a_narrow_terminal_cuts_no_name(saved, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "76")
    assert run(["eval", saved, "--metric", "das,inclusivity"]) == 0
    out = capsys.readouterr().out
    # A terminal wraps sentences by itself; what a table does not fit would be cut.
    lines = [line for line in out.splitlines() if not line.startswith(("template: ", "box: "))]
    assert max(len(line.rstrip()) for line in lines) <= 76
    for name in ("das-unsupervised", "inclusivity", "coverage", "spread", "normalised", "threshold"):
        assert name in out


def test_metrics_by_commas_and_repeated(saved, capsys):
    assert run(["eval", saved, "-m", "spread,coverage", "-m", "inclusivity", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [result["metric"] for result in printed["results"]] == ["spread", "coverage", "inclusivity"]


def test_brackets_in_a_name_are_shown_as_they_are(saved, capsys):
    assert run(["eval", saved]) == 0
    assert "thing[0]" in capsys.readouterr().out


def test_a_run_is_predicted_on_its_test_split(detections, capsys):
    assert run(["eval", "--cpu", "--json"]) == 0
    asked = {"run": None, "checkpoint": None, "device": "cpu", "store": None, "split": "test"}
    assert {name: detections[name] for name in asked} == asked
    assert json.loads(capsys.readouterr().out)["results"][0]["metric"] == "das-unsupervised"


def test_options_of_a_run(detections):
    assert run(["eval", "some/run", "--cpu", "--split", "all", "--checkpoint", "last"]) == 0
    assert detections["run"] == (paths.runs() / "some/run").resolve()
    assert (detections["split"], detections["checkpoint"]) == (None, "last")
    assert run(["eval", "--cpu", "--store", "other.h5"]) == 0
    assert str(detections["store"]) == "other.h5"


def test_options_of_a_run_do_not_fit_a_file(saved, capsys):
    assert run(["eval", saved, "--split", "val"]) == 1
    assert "predicted already: --split is for runs" in capsys.readouterr().err


def test_no_run_and_no_file(tmp_path, capsys):
    assert run(["eval", "--cpu"]) == 1
    assert "kg train" in capsys.readouterr().err
    assert run(["eval", str(tmp_path / "none.npz")]) == 1
    assert "kg predict" in capsys.readouterr().err


def test_an_unknown_metric_is_noticed_before_predicting(detections, capsys):
    assert run(["eval", "--cpu", "--metric", "spraed"]) == 1
    assert "Did you mean 'spread'?" in capsys.readouterr().err
    assert detections == {}


def test_an_empty_metric(saved, capsys):
    assert run(["eval", saved, "--metric", ","]) == 1
    assert "--metric" in capsys.readouterr().err


def test_a_threshold_for_nothing(saved, capsys):
    assert run(["eval", saved, "--threshold", "0.2"]) == 1
    assert "inclusivity" in capsys.readouterr().err


def test_the_help_names_every_metric(capsys):
    assert run(["eval", "--help"]) == 0
    shown = capsys.readouterr().out
    for name in METRICS:
        assert f" {name} " in shown


def test_the_mean_over_runs(detections, capsys):
    assert run(["eval", "a", "b", "c", "--cpu", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["predictions"]["run"] == ["a", "b", "c"]
    first = printed["results"][0]
    assert (first["seeds"], first["deviations"]["mean"]) == ([0, 1, 2], 0)
    assert len(first["checkpoints"]) == 3
    assert run(["eval", "a", "b", "--cpu"]) == 0
    out, err = capsys.readouterr()
    assert "Only 2 trainings" in err
    assert "±" in out


def test_no_mean_over_other_data(predictions, saved, tmp_path, capsys):
    other = tmp_path / "fold.npz"
    replace(predictions, meta={**predictions.meta, "variant": "fold", "checkpoint": "other"}).save(other)
    assert run(["eval", saved, str(other)]) == 1
    assert "cannot be averaged: they are of different data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keypoints", "detector", "told"),
    [
        (5, "key-grid", "differ in numbers of keypoints: 6, 5"),
        (6, "box", "differ in detectors: key-grid, box"),
    ],
)
def test_no_mean_over_other_methods(predictions, tmp_path, capsys, keypoints, detector, told):
    one = replace(predictions, meta={**predictions.meta, "detector": "key-grid"})
    other = replace(
        predictions,
        keypoints=predictions.keypoints[:, :keypoints],
        keypoints_source=predictions.keypoints_source[:, :keypoints],
        indices=predictions.indices[:, :keypoints],
        confidences=predictions.confidences[:, :keypoints],
        meta={**predictions.meta, "checkpoint": "other", "detector": detector},
    )
    files = [tmp_path / "one.npz", tmp_path / "other.npz"]
    for each, file in zip((one, other), files, strict=True):
        each.save(file)
    assert run(["eval", *map(str, files)]) == 1
    assert f"cannot be averaged. They {told}" in capsys.readouterr().err


def test_trainings_that_differ_in_more_than_their_seed_are_told():
    config = Config()
    train = replace(config.train, seed=1)
    assert other_options([config, replace(config, train=train)]) == []
    train = replace(train, learning_rate=0.5)
    assert other_options([config, replace(config, train=train)]) == [
        "Their trainings differ in options: learning_rate."
    ]


def test_ever_worse_clouds(detections, tmp_path, capsys):
    files = {name: tmp_path / f"out.{name}" for name in ("csv", "tex", "png")}
    written = ["--csv", str(files["csv"]), "--latex", str(files["tex"]), "--plot", str(files["png"])]
    corruptions = ["--corrupt", "noise=0:0.1:3", "--corrupt", "rotation=90", "--seed", "5"]
    assert run(["eval", "a", "--cpu", "-m", "coverage,spread", *corruptions, *written, "--json"]) == 0
    noise, rotation = json.loads(capsys.readouterr().out)["robustness"]
    assert (noise["corruption"], noise["seed"], rotation["corruption"]) == ("noise", 5, "rotation")
    assert [at["level"] for at in noise["levels"]] == [0, 0.05, 0.1]
    assert [result["metric"] for result in noise["levels"][0]["results"]] == ["coverage", "spread"]
    assert len(detections["clouds"]) == 4
    with files["csv"].open(newline="") as file:
        # Four parts on five kinds of clouds, and of a template and a box on the clean ones.
        assert len(list(csv.DictReader(file))) == 4 * 5 + 4 * 2
    assert all(file.stat().st_size > 0 for file in files.values())
    assert run(["eval", "a", "--cpu", "-m", "coverage", *corruptions]) == 0
    assert "noise, σ (normalised)" in capsys.readouterr().out


def test_predictions_without_their_run_cannot_be_detected_anew(saved, capsys):
    assert run(["eval", saved, "--corrupt", "noise"]) == 1
    assert "No run here made" in capsys.readouterr().err
    assert run(["eval", saved, "-m", "repeatability"]) == 1
    assert "no run here made these" in capsys.readouterr().err


def test_what_is_wrong_is_noticed_before_predicting(detections, capsys):
    for wrong, message in (
        (["--protocol", "papre"], "Did you mean 'paper'?"),
        (["--corrupt", "noise=5"], "noise has levels from 0 to 1"),
        (["--plot", "out.jpg"], "has to be .png"),
        (["--corrupt", "noise", "--protocol", "useek"], "does not go with the protocol 'useek'"),
        (["--corrupt", "noise", "-m", "chamfer"], "does not go with chamfer"),
    ):
        assert run(["eval", "--cpu", *wrong]) == 1
        assert message in capsys.readouterr().err
    assert detections == {}


def test_a_plot_of_nothing(saved, tmp_path, capsys):
    assert run(["eval", saved, "-m", "spread", "--plot", str(tmp_path / "a.png")]) == 1
    assert "no curve to plot" in capsys.readouterr().err


def test_the_protocols_and_corruptions_are_listed(capsys):
    assert run(["eval", "--protocol", "help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in PROTOCOLS)
    assert run(["eval", "--corrupt", "help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in CORRUPTIONS)
    assert run(["eval", "--protocol", "help", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["protocols"]
    assert [item["protocol"] for item in listed] == list(PROTOCOLS)
    assert run(["eval", "--metric", "das,help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in METRICS)
