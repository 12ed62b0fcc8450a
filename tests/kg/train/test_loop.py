"""Training: it learns, it repeats itself, it resumes exactly, it says when it cannot."""

import json
import math
import os
import shutil
import signal
import warnings
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from kg.config.stores import name_stores
from kg.data import Store
from kg.data.batches import shuffled_batches
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint
from kg.train import Interrupted, loop, train
from kg.train.loop import learning_rate, named_stores
from kg.train.runs import read_config, read_environment, read_metrics
from kg_detectors.key_grid import network

CPU = torch.device("cpu")


def parameters(run, name="last"):
    return load_checkpoint(run / f"{name}.safetensors", CPU).model.state_dict()


def assert_equal_states(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def stop_at(epoch, step):
    """Ask for a stop, as Ctrl-C does, once that step is done."""

    def report(now):
        if now.epoch_metrics is None and (now.epoch, now.step) == (epoch, step):
            os.kill(os.getpid(), signal.SIGINT)

    return report


def test_the_loss_falls_and_everything_is_written(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, epochs=12))
    summary = train(config, tmp_path, CPU)
    entries = read_metrics(tmp_path)
    assert [entry["epoch"] for entry in entries] == list(range(1, 13))
    assert "similarity" not in entries[0]
    assert "similarity" in entries[1]
    assert entries[-1]["val_farthest"] < 0.7 * entries[0]["val_farthest"]
    assert summary.best["val_loss"] == min(entry["val_loss"] for entry in entries)
    assert load_checkpoint(tmp_path / "best.safetensors", CPU).epoch == summary.best_epoch
    assert (summary.train_shapes, summary.val_shapes) == (13, 3)
    assert json.loads((tmp_path / "environment.json").read_text())["kernels"]
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize("stop", [(0, 2), (1, 1), (1, 4), (2, 3)])
def test_an_interrupted_training_resumes_to_the_same_weights(tiny_config, tmp_path, stop):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    train(tiny_config, whole, CPU)
    with pytest.raises(Interrupted):
        train(tiny_config, broken, CPU, report=stop_at(*stop))
    train(tiny_config, broken, CPU, resume=True)
    assert_equal_states(parameters(whole), parameters(broken))
    assert_equal_states(parameters(whole, "best"), parameters(broken, "best"))
    for one, other in zip(read_metrics(whole), read_metrics(broken), strict=True):
        assert one["memory"] > 0
        assert {**one, "seconds": 0, "memory": 0} == {**other, "seconds": 0, "memory": 0}


def test_a_training_of_before_goes_on(tiny_config, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    train(tiny_config, whole, CPU)
    with pytest.raises(Interrupted):
        train(tiny_config, broken, CPU, report=stop_at(1, 2))
    found = load_checkpoint(broken / "last.safetensors", CPU)
    moments = found.training["optimizer"]["state"]
    found.training["optimizer"]["state"] = {int(number): each for number, each in moments.items()}
    before = {
        "format": "kg-checkpoint",
        "version": 1,
        "config": found.config.to_dict(),
        "epoch": found.epoch,
        "model": found.model.state_dict(),
        "training": found.training,
    }
    torch.save(before, broken / "last.pt")
    (broken / "last.safetensors").unlink()
    train(tiny_config, broken, CPU, resume=True)
    assert_equal_states(parameters(whole), parameters(broken))


def test_epochs_that_are_faster_than_checkpoints_share_them(tiny_config, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    config = replace(tiny_config, train=replace(tiny_config.train, epochs=8))
    written, save = [], loop.save_checkpoint

    def noted(path, state, config, epoch, training):
        written.append((path.stem, epoch))
        save(path, state, config, epoch, training)

    monkeypatch.setattr(loop, "save_checkpoint", noted)
    # Every epoch is faster than this, however busy the machine.
    monkeypatch.setattr(loop, "SAVED_EVERY", math.inf)
    best = train(config, whole, CPU).best_epoch
    assert written == [("best", 1), ("last", 1), ("best", best), ("last", 8)]

    def fail(now):
        if now.epoch == 6:
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError):
        train(config, broken, CPU, report=fail)
    assert load_checkpoint(broken / "last.safetensors", CPU).epoch == 1
    assert load_checkpoint(broken / "best.safetensors", CPU).epoch > 1
    train(config, broken, CPU, resume=True)
    assert_equal_states(parameters(whole), parameters(broken))
    assert_equal_states(parameters(whole, "best"), parameters(broken, "best"))


def test_a_training_that_the_memory_cannot_hold_is_refused_before_it_takes_any(tiny_config, tmp_path):
    config = replace(tiny_config, model=replace(tiny_config.model, keypoints=100_000))
    with pytest.raises(KgError, match=r"100,000 keypoints has [\d,]+ weights, .* GB of memory at least"):
        train(config, tmp_path, CPU)


def test_a_training_does_not_end_before_the_epoch_that_it_is_in(tiny_config, tmp_path):
    with pytest.raises(Interrupted):
        train(tiny_config, tmp_path, CPU, report=stop_at(1, 1))
    shorter = replace(tiny_config, train=replace(tiny_config.train, epochs=1))
    with pytest.raises(KgError, match="in epoch 2 already"):
        train(shorter, tmp_path, CPU, resume=True)
    train(replace(shorter, train=replace(shorter.train, epochs=2)), tmp_path, CPU, resume=True)
    assert read_config(tmp_path).train.epochs == 2


def test_resuming_drops_what_the_log_has_beyond_the_checkpoint(tiny_config, tmp_path):
    train(replace(tiny_config, train=replace(tiny_config.train, epochs=2)), tmp_path, CPU)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "loss": 9}\n{"epoch": 4, "lo')
    train(tiny_config, tmp_path, CPU, resume=True)
    assert [entry["epoch"] for entry in read_metrics(tmp_path)] == [1, 2, 3]
    assert read_metrics(tmp_path)[-1]["loss"] < 9


def test_resuming_writes_the_line_that_a_kill_came_before(tiny_config, tmp_path):
    train(replace(tiny_config, train=replace(tiny_config.train, epochs=2)), tmp_path, CPU)
    log = tmp_path / "metrics.jsonl"
    lines = log.read_text().splitlines()
    log.write_text(lines[0] + "\n")
    train(tiny_config, tmp_path, CPU, resume=True)
    assert log.read_text().splitlines()[:2] == lines
    assert [entry["epoch"] for entry in read_metrics(tmp_path)] == [1, 2, 3]


def test_a_line_that_is_lost_does_not_let_a_later_one_of_the_log_stay(tiny_config, tmp_path):
    train(replace(tiny_config, train=replace(tiny_config.train, epochs=2)), tmp_path, CPU)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 2, "loss": 1}\n{"epoch": 3, "loss": 9}\n')
    train(tiny_config, tmp_path, CPU, resume=True)
    assert [entry["epoch"] for entry in read_metrics(tmp_path)] == [2, 3]
    assert read_metrics(tmp_path)[-1]["loss"] < 9


def test_a_run_keeps_the_command_that_began_it(tiny_config, tmp_path, monkeypatch):
    for words in (["--name", "one"], ["--resume", "one"], ["--resume", "latest"]):
        monkeypatch.setattr("sys.argv", ["kg", "train", *words])
        config = replace(tiny_config, train=replace(tiny_config.train, epochs=1, similarity_delay=0))
        train(config, tmp_path, CPU, resume="--resume" in words)
    found = read_environment(tmp_path)
    assert found["command"] == "kg train --name one"
    assert [each["command"] for each in found["resumed"]] == [
        "kg train --resume one",
        "kg train --resume latest",
    ]
    assert found["resumed"][0]["device"] == found["device"]


def test_the_seed_decides_everything(tiny_config, tmp_path):
    runs = {}
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        runs[name] = tmp_path / name
        runs[name].mkdir()
        train(replace(tiny_config, train=replace(tiny_config.train, seed=seed)), runs[name], CPU)
    assert_equal_states(parameters(runs["one"]), parameters(runs["same"]))
    weight = "keypoint_head.mix.weight"
    assert not torch.equal(parameters(runs["one"])[weight], parameters(runs["other"])[weight])


def test_each_epoch_visits_every_cloud_once_in_another_order():
    epochs = [shuffled_batches(13, 4, seed=0, epoch=epoch) for epoch in (0, 1)]
    assert [len(rows) for rows in epochs[0]] == [4, 4, 4, 1]
    orders = [torch.cat(batches).tolist() for batches in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(13))
    assert orders[0] != orders[1]


def test_clouds_are_drawn_as_often_as_they_weigh():
    weights = torch.tensor([0.0, 1.0, 3.0])
    drawn = torch.cat(
        [torch.cat(shuffled_batches(3, 2, seed=0, epoch=epoch, weights=weights)) for epoch in range(400)]
    )
    shares = torch.bincount(drawn, minlength=3) / len(drawn)
    # Two standard deviations of 1,200 draws are 0.025.
    torch.testing.assert_close(shares, weights / 4, atol=0.03, rtol=0)


def test_a_changed_store_is_refused(tiny_config, tmp_path):
    config = replace(tiny_config, data=replace(tiny_config.data, checksum="0" * 64))
    with pytest.raises(KgError, match="has changed"):
        train(config, tmp_path, CPU)


def test_a_loss_that_is_not_finite_stops_the_training_with_a_way_out(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, learning_rate=1e30))
    with pytest.raises(KgError, match="loss became") as caught:
        train(config, tmp_path, CPU)
    assert "learning_rate" in caught.value.hint


def test_clouds_too_small_for_the_backbone_are_refused(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, points=20))
    with pytest.raises(KgError, match="too small"):
        train(config, tmp_path / "run", CPU)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_training_says_first_that_nothing_is_left_to_measure_it_on(tiny_config, tiny_store, tmp_path):
    with h5py.File(tiny_store.path, "r+") as file:
        split = file["split/object"][:]
        file["split/object"][:] = np.where(split == 2, 0, split)
    config = replace(tiny_config, data=name_stores([Store(tiny_store.path)], "object"))
    said = []

    def begin(started):
        said.extend(str(warning.message) for warning in caught)
        raise StopIteration

    with warnings.catch_warnings(action="always", record=True) as caught, pytest.raises(StopIteration):
        train(config, tmp_path, CPU, begin=begin)
    assert any("has no test split, by object" in text and "--split-by frame" in text for text in said)


def test_more_points_than_the_store_has_are_refused(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, points=65))
    with pytest.raises(KgError, match="64 points"):
        train(config, tmp_path, CPU)


def test_without_validation_shapes_the_last_epoch_is_the_best(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "splits", lambda self, by="object": np.zeros(self.count, np.uint8))
    summary = train(tiny_config, tmp_path, CPU)
    assert summary.val_shapes == 0
    assert summary.best_epoch == 3


def test_an_epoch_whose_validation_loss_is_no_number_is_the_worst(tiny_config, tmp_path, monkeypatch):
    losses = iter([math.nan, 2.0, math.inf, 3.0, math.nan])
    monkeypatch.setattr(loop._Training, "_validate", lambda self: {"val_loss": next(losses)})
    config = replace(tiny_config, train=replace(tiny_config.train, epochs=5))
    assert train(config, tmp_path, CPU).best_epoch == 2
    assert load_checkpoint(tmp_path / "best.safetensors", CPU).epoch == 2


def test_a_loss_that_is_off_does_not_choose_the_best_epoch(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(network, "similarity_loss", lambda *clouds: torch.tensor(math.nan))
    train(tiny_config.without("similarity"), tmp_path, CPU)
    for entry in read_metrics(tmp_path):
        assert math.isnan(entry["val_similarity"])
        assert entry["val_loss"] == entry["val_farthest"]


def test_the_cosine_schedule_falls_to_a_hundredth(tiny_config):
    options = replace(tiny_config.train, schedule="cosine", learning_rate=1.0, epochs=10)
    rates = [learning_rate(options, epoch / 2) for epoch in range(21)]
    assert rates[0] == 1
    assert rates[10] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01)
    assert rates == sorted(rates, reverse=True)


def test_a_loss_that_is_off_is_out_of_the_training(tiny_config, tmp_path):
    entries = {}
    for part in ("similarity", "farthest-point"):
        folder = tmp_path / part
        folder.mkdir()
        train(tiny_config.without(part), folder, CPU)
        entries[part] = read_metrics(folder)[-1]
    assert "similarity" not in entries["similarity"]
    without = entries["farthest-point"]
    assert without["loss"] == pytest.approx(without["separation"] + without["similarity"], rel=1e-5)
    assert without["val_loss"] == pytest.approx(without["val_similarity"])


def test_a_training_with_every_loss_off_is_refused(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, separation_weight=0))
    with pytest.raises(KgError, match="nothing to learn"):
        train(config.without("similarity").without("farthest-point"), tmp_path, CPU)


def test_a_training_too_short_for_the_similarity_loss_says_so(tiny_config, tmp_path):
    config = replace(tiny_config, train=replace(tiny_config.train, similarity_delay=3))
    with pytest.warns(UserWarning, match="begins after 3 epochs"):
        train(config, tmp_path, CPU)


def test_two_trainings_do_not_share_a_run(tiny_config, tmp_path):
    def second(now):
        with pytest.raises(KgError, match="Another process"):
            train(tiny_config, tmp_path, CPU, resume=True)
        assert not (tmp_path / "config.json").exists()

    train(replace(tiny_config, train=replace(tiny_config.train, epochs=1)), tmp_path, CPU, report=second)


def test_a_training_on_two_stores_sees_the_clouds_of_both_and_resumes(tiny_config, tiny_store, tmp_path):
    other = tmp_path / "other.h5"
    shutil.copyfile(tiny_store.path, other)
    with h5py.File(other, "a") as file:
        file.attrs["category"], file.attrs["checksum"] = "sphere", "2" * 64
    stores = (Store(tiny_store.path), Store(other))
    config = replace(tiny_config, data=name_stores(stores, "object"))
    run, halved = tmp_path / "both", tmp_path / "halved"
    whole = train(config, run, CPU)
    assert (whole.train_shapes, whole.val_shapes) == (26, 6)
    with pytest.raises(Interrupted):
        train(config, halved, CPU, report=stop_at(2, 3))
    train(config, halved, CPU, resume=True)
    assert_equal_states(parameters(run), parameters(halved))


def test_confidences_are_calibrated_on_validation_clouds_before_weights_are_kept(
    tiny_config, tmp_path, monkeypatch
):
    seen = []

    def calibrate(model, batch):
        seen.append((model.training, torch.is_grad_enabled(), batch.points.shape))
        next(model.parameters()).data.flatten()[0] = 7.0

    monkeypatch.setattr(network.KeyGrid, "calibrate", calibrate)
    train(tiny_config, tmp_path, CPU)
    assert seen
    assert set(seen) == {(False, False, (3, 48, 3))}
    for name in ("best", "last"):
        kept = load_checkpoint(tmp_path / f"{name}.safetensors", CPU).model
        assert next(kept.parameters()).flatten()[0] == 7


def test_fine_tuning_begins_with_the_weights_of_another_run(tiny_config, tmp_path):
    before = tmp_path / "before"
    train(tiny_config, before, CPU)
    options = replace(tiny_config.train, epochs=1, learning_rate=0.0, init=str(before / "best.safetensors"))
    train(replace(tiny_config, train=options), tmp_path / "after", CPU)
    weights = load_checkpoint(before / "best.safetensors", CPU).model.named_parameters()
    after = parameters(tmp_path / "after")
    for name, value in weights:
        assert torch.equal(after[name], value), name


def test_many_stores_are_called_by_what_is_in_them():
    few = [SimpleNamespace(name=f"d/{kind}/fold", category=kind, variant="fold") for kind in ("tie", "hat")]
    assert named_stores(few) == "d/tie/fold + d/hat/fold"
    laid = [SimpleNamespace(name=f"d/{kind}/laid", category=kind, variant="laid") for kind in ("tie", "hat")]
    assert named_stores([*few, *laid]) == "4 stores: hat, tie; fold, laid"
