"""`kg train` and `kg predict` as they are typed."""

import json

import numpy as np
import pytest

from kg import config as configuration
from kg.cli.app import run
from kg.predictions import Predictions
from kg.train.log import read_metrics


@pytest.fixture
def tiny_preset(tiny_config, monkeypatch):
    monkeypatch.setitem(configuration.PRESETS, "tiny", tiny_config)
    return tiny_config


@pytest.fixture
def train(tiny_preset, tiny_store):
    def call(*words):
        return run(["train", "--store", str(tiny_store.path), "--preset", "tiny", "--cpu", *words])

    return call


def test_training_then_predicting_with_nothing_but_defaults(train, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--name", "mine", "--json", "-k", "3", "--set", "sigma=0.5") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] == 3
    assert result["config"]["model"]["keypoints"] == 3
    assert result["config"]["model"]["sigma"] == 0.5
    assert run(["predict", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["shapes"], summary["keypoints"], summary["run"]) == (4, 3, "mine")
    assert Predictions.load(tmp_path / "out.npz").keypoints.shape == (4, 3, 3)


def test_a_log_file_gets_a_line_an_epoch(train, capsys):
    assert train() == 0
    captured = capsys.readouterr()
    assert "Trained" in captured.out
    lines = [line for line in captured.err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 3
    assert "val_farthest" in lines[0]


def test_resuming_by_name_adds_epochs_and_nothing_else(train, tmp_path, capsys):
    assert train("--name", "mine") == 0
    assert run(["train", "--resume", "mine", "--epochs", "4", "--cpu"]) == 0
    assert [entry["epoch"] for entry in read_metrics(tmp_path / "runs" / "mine")] == [1, 2, 3, 4]
    assert run(["train", "--resume", "latest", "--seed", "3", "--cpu"]) == 1
    assert "'seed' cannot change" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--gpu", "0", "--cpu"], 1, "exclude each other"),
        (["--set", "sigmma=1"], 1, "Did you mean 'sigma'"),
        (["--set", "sigma"], 2, "NAME=VALUE"),
        (["--split-by", "colour"], 2, "object"),
        (["--epochs", "0"], 2, "epochs"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_a_hint(train, capsys, words, code, message):
    assert train(*words) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "hint" in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_unknown_category_is_answered_with_the_closest(capsys):
    assert run(["train", "--category", "shrt", "--cpu"]) == 1
    assert "'shirt'" in capsys.readouterr().err


def test_nothing_trained_is_answered_with_what_to_type(capsys):
    assert run(["predict", "--cpu"]) == 1
    assert "kg train --category shirt" in capsys.readouterr().err


def test_options_are_listed_for_each_preset(capsys):
    assert run(["train", "--set", "help", "--json"]) == 0
    presets = json.loads(capsys.readouterr().out)
    assert presets["release"]["grid"] == [16, 16, 8]


def test_files_are_predicted_by_their_names(train, tmp_path, capsys):
    assert train() == 0
    folder = tmp_path / "clouds"
    folder.mkdir()
    for name in ("b", "a"):
        np.save(folder / f"{name}.npy", np.random.default_rng(0).random((80, 3)))
    assert run(["predict", str(folder), "-o", str(tmp_path / "mine.npz"), "--inference", "hard"]) == 0
    found = Predictions.load(tmp_path / "mine.npz")
    assert found.ids.tolist() == [str(folder / "a.npy"), str(folder / "b.npy")]
    assert run(["predict", str(folder), "-o", str(tmp_path / "mine.txt")]) == 1
    assert run(["predict", str(folder / "c.npy")]) == 1
    assert "c.npy" in capsys.readouterr().err
    assert not (tmp_path / "mine.txt").exists()
