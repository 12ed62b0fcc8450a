"""Whatever names a detector: a run, the latest, a checkpoint file, predictions, a sweep."""

import shutil
from pathlib import Path

import pytest
import torch

import kg
from kg import paths
from kg.errors import KgError
from kg.inference.targets import find_checkpoint, find_resumed, find_target, find_targets
from kg.model import portable
from kg.model.checkpoint import export_checkpoint, load_checkpoint, save_checkpoint
from kg.train.runs import new_run
from kg_detectors.key_grid import KeyGrid


@pytest.fixture
def run(tiny_config):
    made = new_run(tiny_config, "mine")
    for epoch, name in enumerate(("best.safetensors", "last.safetensors")):
        save_checkpoint(made / name, KeyGrid(tiny_config.model).state_dict(), tiny_config, epoch, {})
    return made


@pytest.fixture
def predicted(run, tmp_path):
    kg.predict("mine").save(tmp_path / "out.npz")
    return tmp_path / "out.npz"


def test_a_run_a_checkpoint_and_predictions_lead_to_one_detector(run, predicted, monkeypatch):
    monkeypatch.chdir(run)
    for named in (None, "latest", "mine", run, "best.safetensors", run / "best.safetensors", predicted):
        assert find_checkpoint(named).resolve() == (run / "best.safetensors").resolve()
    last = run / "last.safetensors"
    for named, checkpoint in (("mine", "last"), ("latest", last.name), ("mine", str(last))):
        assert find_checkpoint(named, checkpoint).resolve() == last.resolve()


def test_a_run_that_was_cut_short_before_its_best_has_its_last(run):
    (run / "best.safetensors").unlink()
    assert find_checkpoint("mine").name == "last.safetensors"
    with pytest.raises(KgError, match="no checkpoint best"):
        find_checkpoint("mine", "best")
    (run / "last.safetensors").unlink()
    with pytest.raises(KgError) as caught:
        find_checkpoint("mine")
    assert caught.value.hint == "Train it further: kg train --resume mine"


def test_a_run_of_before_has_its_checkpoints_until_better_ones_are_written(run):
    for name in ("best", "last"):
        found = load_checkpoint(run / f"{name}.safetensors", torch.device("cpu"))
        torch.save(
            {
                "format": "kg-checkpoint",
                "version": 1,
                "config": found.config.to_dict(),
                "epoch": found.epoch,
                "model": found.model.state_dict(),
                "training": {},
            },
            run / f"{name}.pt",
        )
    (run / "last.safetensors").unlink()
    assert find_checkpoint("mine").name == "best.safetensors"
    (run / "best.safetensors").unlink()
    assert find_checkpoint("mine").name == "best.pt"
    assert kg.load("mine", checkpoint="last").checkpoint.epoch == 1
    assert find_resumed("latest") == find_resumed(run / "last.pt") == run.resolve()


def test_a_checkpoint_file_elsewhere_is_a_detector_without_a_run(run, tmp_path):
    copy = Path(shutil.copy(run / "best.safetensors", tmp_path / "copy.safetensors"))
    assert find_checkpoint(None, str(copy)) == find_checkpoint(copy) == copy
    assert kg.load(copy).run == ""
    assert kg.load(run / "best.safetensors").run == "mine"


def test_a_detector_that_comes_with_kg_goes_by_its_name_where_no_run_has_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(portable, "TRAINED", tmp_path / "trained")
    shipped = tmp_path / "trained" / "bags.safetensors"
    shipped.parent.mkdir()
    export_checkpoint(load_checkpoint(run / "best.safetensors", torch.device("cpu")), shipped)
    assert find_checkpoint("bags") == find_checkpoint(None, "bags") == shipped
    found = kg.predict("bags", store=kg.load("mine").checkpoint.config.data.store)
    found.save(tmp_path / "out.npz")
    assert find_checkpoint(tmp_path / "out.npz") == shipped
    with pytest.raises(KgError, match="no run folder") as caught:
        find_checkpoint("begs")
    assert caught.value.hint.endswith("Those that come with kg: bags.")
    run.rename(run.with_name("bags"))
    assert find_checkpoint("bags").parent.name == "bags"


@pytest.mark.parametrize(
    ("named", "checkpoint", "message"),
    [
        ("mine", "copy.safetensors", "contradicts mine"),
        ("runs/mine/best.safetensors", "last", "which is a checkpoint itself"),
        ("out.npz", "best", "which names its checkpoint itself"),
    ],
)
def test_a_checkpoint_that_contradicts_is_refused(
    predicted, run, tmp_path, monkeypatch, named, checkpoint, message
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(run / "best.safetensors", tmp_path / "copy.safetensors")
    with pytest.raises(KgError, match=message):
        find_checkpoint(named, checkpoint)


def test_a_sweep_stands_for_its_runs_where_several_are_taken(tiny_config):
    made = [new_run(tiny_config, f"sweep/{name}") for name in ("a", "b")]
    assert [target.path for target in find_targets(["sweep"])] == [run.resolve() for run in made]
    assert [target.label for target in find_targets([paths.runs() / "sweep", "sweep/a"])] == ["a", "b", "a"]
    with pytest.raises(KgError, match="sweep of 2 runs") as caught:
        find_target("sweep")
    assert caught.value.hint == "Name one: sweep/a, sweep/b."


def test_predictions_whose_checkpoint_is_gone_say_so(run, predicted):
    (run / "best.safetensors").unlink()
    with pytest.raises(KgError, match=r"made by the run mine, whose checkpoint \w{12} is not here"):
        find_checkpoint(predicted)


def test_a_training_goes_on_from_a_run_its_last_checkpoint_or_its_predictions(run, predicted):
    for named in ("mine", "latest", run / "last.safetensors", predicted):
        assert find_resumed(named) == run.resolve()
    with pytest.raises(KgError, match=r"No training goes on from .*best\.safetensors"):
        find_resumed(run / "best.safetensors")
