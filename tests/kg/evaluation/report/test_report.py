"""A report holds what was measured and where it comes from, in one file that asks for nothing else."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from kg.evaluation.front import evaluate
from kg.evaluation.metrics.chamfer import chamfer
from kg.evaluation.report import Subject, write_report
from kg.evaluation.report.pictures import extremes
from kg.inference.options import ViewOptions
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor
from kg.inference.shapes import predict_store
from kg.train import runs, train

CPU = torch.device("cpu")
EMPTY = {"meta", "img", "source", "path", "circle", "rect", "polyline", "br"}


class Reader(HTMLParser):
    """Notes every element, and fails on one that is closed by another's name."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(autouse=True)
def painted(monkeypatch):
    """Pictures by matplotlib: no graphics library is asked for."""
    monkeypatch.setattr("kg.viz.probe.renders", lambda: False)


@pytest.fixture
def run(tiny_config):
    folder = runs.new_run(tiny_config.override("epochs", "2"), "mine")
    train(runs.read_config(folder), folder, CPU)
    return folder


def test_a_report_is_whole_and_needs_nothing_else(run, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["kg", "eval", "--report", "a & b.html"])
    evaluation = evaluate(run, ["das", "miou"], corruptions=["noise=0:0.05:2"], device=CPU)
    predictions = evaluation.predictions
    path = tmp_path / "report.html"
    write_report(path, evaluation)

    reader, text = Reader(), path.read_text(encoding="utf-8")
    reader.feed(text)
    assert reader.open == []
    assert "nan" not in re.sub(r"base64,[^\"]+", "", text).lower().replace("nance", "")
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "iframe"}
    sources = [
        attrs[key] for _, attrs in reader.elements for key in ("src", "srcset", "href") if key in attrs
    ]
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)

    said = " ".join(reader.text)
    assert re.findall("<h2>([^<]+)", text) == [
        "Figures",
        "Shapes",
        "Keypoints",
        "Curves",
        "On worse clouds",
        "Does the decoder use the heatmap?",
        "Training",
        "Configuration",
        "Where it comes from",
    ]
    environment = json.loads((run / "environment.json").read_text())
    for fact in (
        predictions.meta["checkpoint"],
        predictions.meta["store"]["checksum"],
        environment["versions"]["torch"],
        "kg eval --report 'a & b.html'",
        "ellipsoid-19",
    ):
        assert fact in said


def test_without_a_run_it_tells_what_the_predictions_do(run, tmp_path):
    predictions = predict_store(Predictor.load(run, "best", CPU))
    path = tmp_path / "report.html"
    predictions = replace(predictions, meta={**predictions.meta, "run": ""})
    write_report(path, evaluate(predictions, ["coverage"]))
    text = path.read_text(encoding="utf-8")
    assert "<h2>Training" not in text
    assert "Does the decoder" not in text
    assert "coverage" in text
    assert "means over" not in text


def test_of_several_trainings_it_says_what_is_of_the_first_alone(run, tmp_path):
    predictions = predict_store(Predictor.load(run, "best", CPU))
    other = replace(predictions, meta={**predictions.meta, "seed": 1, "checkpoint": "other"})
    write_report(tmp_path / "report.html", evaluate([predictions, other], ["coverage"]))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "means over 2 trainings" in text
    assert "seed 0, 1" in text


def test_the_worst_and_the_best_by_whichever_end_is_better():
    ids, values = np.array(list("abcdefg")), np.array([3, np.nan, 1, 5, 4, 2, 9.0])
    assert extremes(values, ids, 2, lower=False) == (["c", "f"], ["g", "d"])
    assert extremes(values, ids, 2, lower=True) == (["g", "d"], ["c", "f"])
    assert extremes(values[:3], ids[:3], 4, lower=False) == (["c"], ["a"])
    assert extremes(values[:2], ids[:2], 4, lower=False) == (["a"], [])


def test_the_heat_is_taken_from_clouds_as_the_detector_saw_them(run):
    detector = Predictor.load(run, "best", CPU, ViewOptions(up="y"))
    predictions = predict_store(detector)
    evaluation = evaluate(predictions, ["coverage"], redetect=True, device=CPU)
    use = Subject.of(evaluation).use
    made, points = evaluation.redetection.reconstructions()
    # Squared, and in units of the turned clouds, which are normalised anew.
    _, carry_back = detector.to_training_frame(torch.from_numpy(points))
    unit = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]]).expand(len(points), 2, 3)
    sizes = carry_back(unit).diff(dim=1).norm(dim=2).numpy()[:, 0]
    assert use.own == pytest.approx(np.mean(chamfer(made, points) / sizes**2), rel=1e-4)


def test_a_store_that_has_changed_tells_nothing_of_the_predictions(run):
    predictions = predict_store(Predictor.load(run, "best", CPU))
    evaluation = evaluate(predictions, ["coverage"])
    assert Subject.of(evaluation).provenance is not None
    store = {**predictions.meta["store"], "checksum": "other"}
    other = replace(predictions, meta={**predictions.meta, "store": store})
    assert Subject.of(replace(evaluation, predictions=other)).provenance is None


@pytest.fixture
def on_landmarks(tiny_store):
    """Predictions without a run: keypoint 0 on the right landmark, 1 in the middle, 2 on the left."""
    clouds = tiny_store.read()
    right, left = clouds.landmarks[:, 0], clouds.landmarks[:, 1]
    keypoints = np.stack([right, 0 * right, left], 1)
    count = len(clouds)
    store = {"path": str(tiny_store.path), "checksum": tiny_store.checksum}
    return Predictions(
        ids=np.array(clouds.ids),
        objects=np.array(clouds.objects),
        points=clouds.points,
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=keypoints,
        keypoints_source=keypoints.astype(float),
        indices=np.zeros((count, 3), np.int64),
        confidences=np.full((count, 3), 0.5, np.float32),
        edge_pairs=np.array([[0, 1], [0, 2], [1, 2]]),
        edges=np.ones((count, 3), np.float32),
        meta={"store": store, "split": "test", "category": "<ellipsoid>"},
    )


def test_keypoints_are_told_by_their_landmarks(on_landmarks, tmp_path):
    write_report(tmp_path / "report.html", evaluate(on_landmarks, ["das", "miou"]))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert "<h1>Keypoints of &lt;ellipsoid&gt;</h1>" in text
    row = '<td class="first">left</td><td class="number">2</td><td class="number">100</td>'
    assert row in text
    assert "das-annotated forward" in text
    # A half of the bar is full: the confidence of each keypoint.
    assert text.count('style="width: 50.0%') == 3


def test_das_of_collapsed_keypoints_is_shown_nowhere(on_landmarks, tmp_path):
    keypoints = on_landmarks.keypoints.copy()
    keypoints[:, 1] = keypoints[:, 0]
    evaluation = evaluate(replace(on_landmarks, keypoints=keypoints), ["das", "miou", "coverage"])
    assert evaluation.landmarks == []
    write_report(tmp_path / "report.html", evaluation)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "COLLAPSED: on 100% of the shapes" in text
    for column in (
        "das-annotated forward",
        "das-annotated backward",
        "das-annotated mean",
        "das-annotated (",
    ):
        assert column not in text
    # The others keep their results, shape by shape.
    assert '<th class="number">miou value</th>' in text
    assert text.count(">collapsed<") == 4
