"""`kg train` as it is typed."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from kg import paths
from kg.cli.app import run
from kg.cli.train_workers import without_gpus
from kg.inference.predictions import Predictions
from kg.model.checkpoint import checkpoints, load_checkpoint
from kg.train.runs import find_run, new_run, read_config, read_metrics


def test_the_result_as_json(train, capsys):
    assert train("--name", "mine", "--json", "-k", "3", "--set", "sigma=0.5") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] == 3
    assert result["config"]["model"]["keypoints"] == 3
    assert result["config"]["model"]["sigma"] == 0.5


def test_a_detector_that_can_chooses_how_many_keypoints(train, capsys):
    assert train("--detector", "extremal", "-k", "auto", "--name", "auto", "-e", "1", "--json") == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    count = sum(each["kept"] for each in result["candidates"])
    assert 2 <= count < len(result["candidates"]) == 28
    assert all(each["reason"] for each in result["candidates"])
    assert result["config"]["model"]["keypoints"] == count
    assert f"K = {count}, " in captured.err
    run_folder = find_run("auto")
    assert read_config(run_folder).model.keypoints == count
    assert json.loads((run_folder / "candidates.json").read_text()) == result["candidates"]

    assert run(["train", "--resume", "auto", "-e", "2", "--cpu"]) == 0
    assert f"K = {count}, " in capsys.readouterr().err
    assert run(["train", "--like", "auto", "-k", "3", "--name", "three", "--cpu"]) == 0
    assert read_config(find_run("three")).model.keypoints == 3
    assert run(["train", "--like", "auto", "--set", "keypoints=5", "--name", "five", "--cpu"]) == 0
    assert read_config(find_run("five")).model.keypoints == 5

    assert train("-k", "auto", "--detector", "follow") == 1
    assert "Name a number: --keypoints 8" in capsys.readouterr().err


def test_keypoints_that_are_of_use_are_left_after_a_training(train, tmp_path, capsys):
    """Sixteen places of a template, which lie alike on all ellipsoids, are more than cover one."""
    assert train("--detector", "template", "-k", "auto", "--name", "some", "--json") == 0
    candidates = json.loads(capsys.readouterr().out)["candidates"]
    count = sum(each["kept"] for each in candidates)
    assert len(candidates) == 16
    assert 2 <= count < 16
    folder = find_run("some")
    assert json.loads((folder / "candidates.json").read_text()) == candidates
    out = tmp_path / "out.npz"
    assert run(["predict", "--run", "some", "--cpu", "-o", str(out)]) == 0
    places = Predictions.load(out).keypoints
    kept = [each["place"] for each in candidates if each["kept"]]
    assert places.shape[1] == len(kept)
    # The same training of all sixteen says where those are.
    assert train("--detector", "template", "-k", "16", "--name", "all") == 0
    assert run(["predict", "--run", "all", "--cpu", "-o", str(out)]) == 0
    whole = Predictions.load(out).keypoints
    rows = load_checkpoint(checkpoints(folder, "best")[0], torch.device("cpu")).config.model.chosen
    np.testing.assert_array_equal(places, whole[:, list(rows)])

    assert run(["train", "--resume", "some", "-e", "5", "--cpu"]) == 0
    assert run(["export", "some", "-o", str(tmp_path / "some.safetensors")]) == 0
    again = load_checkpoint(tmp_path / "some.safetensors", torch.device("cpu"))
    assert again.config.model.count == count


def test_parts_of_the_method_are_left_out(train, tmp_path, capsys):
    assert train("--without", "heatmap", "--without", "farthest-point", "--json") == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config["model"]["decoder_heatmap"] is False
    assert config["train"]["farthest_weight"] == 0
    assert run(["predict", "--cpu", "-o", str(tmp_path / "out.npz")]) == 0
    assert train("--without", "heat") == 1
    assert "Did you mean 'heatmap'" in capsys.readouterr().err


def test_a_log_file_gets_a_line_an_epoch(train, capsys):
    assert train() == 0
    captured = capsys.readouterr()
    assert "Trained" in captured.out
    lines = [line for line in captured.err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1 of 3: loss ")
    assert "val_farthest" in lines[0]


@pytest.mark.parametrize("split", [0, 1])
def test_what_the_best_epoch_is_chosen_by(train, tiny_store, capsys, split):
    with h5py.File(tiny_store.path, "r+") as file:
        file["split/object"][:] = [0] * 13 + [split] * 3 + [2] * 4
    assert train("-e", "1") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert ("best epoch 1 by the loss on 3 validation shapes." in told) == bool(split)
    assert ("the last epoch is taken for the best, without validation shapes." in told) == (not split)


def test_a_line_says_what_is_trained_on_what(train, capsys):
    assert train("-k", "3") == 0
    err = capsys.readouterr().err
    assert (
        "key-grid on ellipsoids/ellipsoid/rest (13 shapes, 3 for validation): N = 48, K = 3, 3 epochs, "
        in err
    )
    assert " parameters, seed 0" in err


def test_an_interrupted_training_says_how_it_goes_on(train, monkeypatch, capsys):
    from kg.train import Interrupted

    def interrupt(*_, **__):
        raise Interrupted

    monkeypatch.setattr("kg.train.train", interrupt)
    assert train("--name", "mine") == 130
    assert "kg train --resume mine" in capsys.readouterr().err


def test_the_store_of_a_resumed_run_is_held_to_its_checksum(train, tiny_store, tmp_path, capsys):
    assert train("--name", "mine") == 0
    moved = shutil.move(tiny_store.path, tmp_path / "moved.h5")
    words = ["train", "--resume", "mine", "-e", "4", "--cpu"]
    assert run(words) == 1
    assert "no prepared store at" in capsys.readouterr().err
    assert run([*words, "--store", str(moved)]) == 0
    assert read_config(find_run("mine")).data.store == str(moved)
    with h5py.File(moved, "r+") as file:
        file.attrs["checksum"] = "other"
    assert run([*words[:-3], "-e", "5", "--cpu", "--store", str(moved)]) == 1
    assert "is not the store of the run mine" in capsys.readouterr().err


def test_a_run_is_used_after_the_data_folder_was_moved(train, tiny_store, tmp_path, monkeypatch):
    assert train("--name", "mine") == 0
    there = tmp_path / "elsewhere" / "prepared" / "ellipsoids" / "ellipsoid"
    there.mkdir(parents=True)
    shutil.move(tiny_store.path, there / "rest.h5")
    monkeypatch.setenv("KG_HOME", str(tmp_path / "elsewhere"))
    out = str(tmp_path / "out.npz")
    assert run(["predict", "--cpu", "-o", out]) == 0
    assert run(["eval", out, "--metric", "das-annotated"]) == 0
    assert run(["train", "--resume", "latest", "-e", "4", "--cpu"]) == 0
    assert read_config(find_run("mine")).data.store == str(there / "rest.h5")


def test_resuming_by_name_adds_epochs_and_nothing_else(train, tmp_path, capsys):
    assert train("--name", "mine") == 0
    assert run(["train", "--resume", "mine", "--epochs", "4", "--cpu"]) == 0
    assert [entry["epoch"] for entry in read_metrics(tmp_path / "runs" / "mine")] == [1, 2, 3, 4]
    assert run(["train", "--resume", "latest", "--seed", "3", "--cpu"]) == 1
    assert "'seed' cannot change" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--preset", "kg"],
        ["--category", "shirt"],
        ["--dataset", "garments"],
        ["--variant", "rest"],
        ["--split-by", "object"],
        ["--name", "other"],
        ["--without", "heatmap"],
        ["--keypoints", "4"],
        ["--set", "sigma=0.3"],
    ],
)
def test_what_a_resumed_run_keeps_is_refused(tiny_config, capsys, words):
    new_run(tiny_config, "mine")
    assert run(["train", "--resume", "mine", "--epochs", "4", *words, "--cpu"]) == 1
    name = words[1].partition("=")[0] if words[0] == "--set" else words[0].removeprefix("--")
    assert f"'{name}' cannot change" in capsys.readouterr().err
    assert read_config(find_run("mine")) == tiny_config


def test_epochs_that_are_done_stay_done(train, capsys):
    assert train("--name", "mine") == 0
    assert run(["train", "--resume", "mine", "--epochs", "2", "--cpu"]) == 1
    assert "in epoch 3 already" in capsys.readouterr().err
    assert read_config(find_run(None)).train.epochs == 3
    assert run(["train", "--resume", "mine", "--set", "epochs=3", "--cpu"]) == 0


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


def test_a_training_that_cannot_start_leaves_no_run(train, tmp_path, capsys):
    assert train("--name", "before") == 0
    assert train("--name", "after", "--points", "8") == 1
    assert "--points" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "after").exists()
    assert find_run("latest").name == "before"
    shutil.rmtree(tmp_path / "runs" / "before")
    assert train("--name", "after", "--points", "8") == 1
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_unknown_category_is_answered_with_the_closest(capsys):
    assert run(["train", "--category", "shrt", "--cpu"]) == 1
    assert "'shirt'" in capsys.readouterr().err


def test_options_are_listed_for_each_preset(capsys):
    assert run(["train", "--set", "help", "--json"]) == 0
    presets = json.loads(capsys.readouterr().out)
    assert presets["release"]["grid"] == [16, 16, 8]
    assert presets["meanings"]["epochs"] == "Passes over the training split."


def test_options_are_listed_with_their_meanings(capsys):
    assert run(["train", "--set", "help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "quick: 1024" in shown
    assert "detector.NAME" in shown
    assert "backbone.neighbours nearest release: first" in shown
    assert "N; clouds with more are thinned" in shown


def test_options_of_a_detector_and_its_backbone_are_listed(capsys):
    assert run(["train", "--detector", "follow", "--set", "help", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed["own"]) == {
        *(f"detector.{name}" for name in ("anchors", "mirror", "symmetry", "turned")),
        *(f"backbone.{name}" for name in ("vertical", "apart", "waves", "depth")),
    }
    assert listed["meanings"]["detector.mirror"].startswith("Axis of left and right")
    assert run(["sweep", "--detector", "sc3k:poses=all,box", "--set", "help"]) == 0
    assert "detector.poses cameras" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        ("train --detector help", "skeleton-merger"),
        ("train --detector help --backbone help", "skeleton-merger"),
        ("train --backbone help", "PointNet++"),
        ("sweep -c shirt --detector box,help", "skeleton-merger"),
        ("bench --detector help", "skeleton-merger"),
        ("prepare --deform help", "A lying garment is folded by hands"),
    ],
)
def test_names_are_listed_where_one_is_taken(words, listed, capsys):
    assert run(words.split()) == 0
    assert listed in " ".join(capsys.readouterr().out.split())


def test_like_another_run_with_another_seed(train, capsys):
    assert train("--name", "one", "--epochs", "1", "--set", "sigma=0.2", "--split-by", "frame") == 0
    assert run(["train", "--like", "one", "--name", "two", "--seed", "1", "--cpu"]) == 0
    one, two = (read_config(paths.runs() / name) for name in ("one", "two"))
    assert two == replace(one, train=replace(one.train, seed=1))
    assert run(["train", "--like", "one", "--preset", "quick", "--cpu"]) == 1
    assert "--like says all" in capsys.readouterr().err


def test_options_from_a_file_stand_behind_those_that_are_typed(train, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("epochs = 1\nsigma = 0.25\nseed = 4\n")
    assert train("--name", "one", "--config", str(file), "--seed", "2") == 0
    config = read_config(paths.runs() / "one")
    assert (config.train.epochs, config.model.sigma, config.train.seed) == (1, 0.25, 2)


def test_presets_are_listed(capsys):
    assert run(["train", "--preset", "help"]) == 0
    assert "minutes on a CPU" in " ".join(capsys.readouterr().out.split())


def test_fine_tuning_has_the_options_of_what_it_begins_with(train, tiny_store, tmp_path, capsys):
    assert train("--name", "one", "-k", "3", "--precision", "bf16") == 0
    capsys.readouterr()
    words = ("--store", str(tiny_store.path), "--name", "two", "-e", "1", "--cpu", "--json")
    assert run(["train", "--init", "one", *words]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config["train"]["precision"] == "fp32"
    assert (config["model"]["keypoints"], config["model"]["backbone"]) == (3, "tiny")
    assert config["train"]["init"].endswith("one/best.safetensors")
    assert config["train"]["epochs"] == 1
    assert run(["train", "--init", "one", "--like", "one", "--cpu"]) == 1
    assert "--init says all that --like could" in capsys.readouterr().err


def test_a_student_has_the_teachers_keypoints_and_store(train, capsys):
    assert train("--name", "teacher", "-k", "3") == 0
    words = ["train", "--teacher", "teacher", "--backbone", "tiny", "--turn", "yaw:30", "-e", "1", "--cpu"]
    assert run([*words, "--name", "student", "--json"]) == 0
    config = read_config(find_run("student"))
    assert (config.model.detector, config.model.keypoints, config.model.backbone) == ("student", 3, "tiny")
    assert (config.train.turn, config.train.turn_limit) == ("yaw", 30)
    assert config.train.teacher.endswith("best.safetensors")
    assert config.data == read_config(find_run("teacher")).data
    capsys.readouterr()
    assert run([*words, "--like", "teacher"]) == 1
    assert "--teacher says all that --like could" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "turn", "limit"),
    [
        ("all", "all", 180),
        ("yaw", "yaw", 180),
        ("40", "all", 40),
        ("yaw:15", "yaw", 15),
        ("none", "none", 180),
    ],
)
def test_turns_have_a_short_name(said, turn, limit):
    from kg.cli.options import turning
    from kg.config import Config

    config = Config()
    for name, text in turning(said).items():
        config = config.override(name, text)
    assert (config.train.turn, config.train.turn_limit) == (turn, limit)


@pytest.mark.parametrize("said", ["up", "yaw:x", "200", "-5", "none:3:4"])
def test_a_turn_that_is_none_is_refused(train, said, capsys):
    assert train(f"--turn={said}") == 1
    assert "--turn takes all, yaw, DEGREES" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gpus", "0,0"], "'0,0' is no list of GPUs"),
        (["--gpus", "zero"], "'zero' is no list of GPUs"),
        (["--gpus", "0,1", "--cpu"], "--gpus says on what to train"),
        (["--gpus", "98,99"], "98"),
    ],
)
def test_gpus_that_are_not_there(tiny_preset, tiny_store, words, said, capsys):
    assert run(["train", "--store", str(tiny_store.path), *words]) == 1
    assert said in capsys.readouterr().err


def test_workers_are_not_told_of_gpus_again():
    words = ["train", "--gpus", "0,1", "-c", "shirt", "--gpus=2", "--name", "x"]
    assert without_gpus(words) == ["train", "-c", "shirt", "--name", "x"]
