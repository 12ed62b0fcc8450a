"""`kg predict` as it is typed."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np

from kg.cli.app import run
from kg.inference.front import predict
from kg.inference.predictions import Predictions


def test_the_latest_run_with_nothing_but_defaults(train, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--name", "mine", "-k", "3") == 0
    capsys.readouterr()
    assert run(["predict", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["shapes"], summary["keypoints"], summary["run"]) == (4, 3, "mine")
    assert Predictions.load(tmp_path / "out.npz").keypoints.shape == (4, 3, 3)


def test_nothing_trained_is_answered_with_what_to_type(capsys):
    assert run(["predict", "--cpu"]) == 1
    assert "kg train --category shirt" in capsys.readouterr().err


def test_files_are_predicted_in_the_order_of_their_numbers(train, tmp_path, capsys):
    assert train() == 0
    folder = tmp_path / "clouds"
    folder.mkdir()
    for name in ("10", "9"):
        np.save(folder / f"{name}.npy", np.random.default_rng(0).random((80, 3)))
    assert run(["predict", str(folder), "-o", str(tmp_path / "mine.npz"), "--inference", "hard"]) == 0
    found = Predictions.load(tmp_path / "mine.npz")
    assert found.ids.tolist() == [str(folder / "9.npy"), str(folder / "10.npy")]
    assert run(["predict", str(folder), "-o", str(tmp_path / "mine.txt")]) == 1
    assert run(["predict", str(folder / "c.npy")]) == 1
    assert "c.npy" in capsys.readouterr().err
    assert not (tmp_path / "mine.txt").exists()


def test_a_detector_of_several_stores_asks_which_one(train, tiny_store, tmp_path, capsys):
    other = tmp_path / "made" / "sphere" / "fold.h5"
    other.parent.mkdir(parents=True)
    shutil.copyfile(tiny_store.path, other)
    with h5py.File(other, "a") as file:
        file.attrs["category"], file.attrs["checksum"] = "sphere", "2" * 64
    assert train("--store", str(other)) == 0
    capsys.readouterr()
    assert run(["predict", "-o", str(tmp_path / "out.npz")]) == 1
    assert "Choose with --category and --variant" in capsys.readouterr().err
    assert run(["predict", "-c", "sphere", "-o", str(tmp_path / "out.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["category"], found["other_store"], found["shapes"]) == ("sphere", False, 4)
    assert run(["predict", str(other), "-c", "cube", "-o", str(tmp_path / "out.npz")]) == 1
    assert "There is no category of this detector" in capsys.readouterr().err


def test_how_many_keypoints_are_not_visible_is_told(train, tmp_path, capsys, monkeypatch):
    assert train("-k", "3") == 0
    out = tmp_path / "out.npz"
    told = []
    for said in (None, np.ones((4, 3), np.bool_), np.arange(12).reshape(4, 3) < 10):
        monkeypatch.setattr(
            "kg.inference.front.predict",
            lambda *given, said=said, **options: replace(predict(*given, **options), visible=said),
        )
        capsys.readouterr()
        assert run(["predict", "-o", str(out)]) == 0
        text = capsys.readouterr().out
        assert run(["predict", "-o", str(out), "--json"]) == 0
        told.append((json.loads(capsys.readouterr().out)["not_visible"], "not visible" in text))
    assert told == [(None, False), (0, False), (2, True)]
    assert "2 of the 12 keypoints are not visible." in " ".join(text.split())
    assert (~Predictions.load(out).visible).sum() == 2
