"""Checkpoints come back as they were; anything else is refused in a sentence."""

import math
import pickle
from dataclasses import replace

import pytest
import torch

from kg.errors import KgError
from kg.model.checkpoint import begin_with, load_checkpoint, save_checkpoint
from kg.model.making import make_detector
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


def test_a_checkpoint_comes_back(tiny_config, tmp_path):
    model = KeyGrid(tiny_config.model)
    model.train()(torch.rand(3, 48, 3))
    path = tmp_path / "last.safetensors"
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(3, 48, 3)).keypoints.sum().backward()
    optimizer.step()
    training = {"step": 3, "best": {"loss": math.inf}, "optimizer": optimizer.state_dict()}
    save_checkpoint(path, model.state_dict(), tiny_config, 7, training)
    found = load_checkpoint(path, CPU)
    assert found.config == tiny_config
    assert (found.epoch, found.unused) == (7, [])
    assert (found.training["step"], found.training["best"]) == (3, {"loss": math.inf})
    moments = training["optimizer"]["state"]
    assert moments
    for number, expected in moments.items():
        for name, value in found.training["optimizer"]["state"][str(number)].items():
            assert torch.equal(value, expected[name]), (number, name)
    points = torch.rand(2, 48, 3)
    assert torch.equal(found.model(points).keypoints, model.eval()(points).keypoints)


def test_weights_that_share_memory_are_written(tiny_config, tmp_path):
    state = KeyGrid(tiny_config.model).state_dict()
    save_checkpoint(tmp_path / "last.safetensors", state, tiny_config, 1, {"model": state})
    found = load_checkpoint(tmp_path / "last.safetensors", CPU)
    for name, value in state.items():
        assert torch.equal(found.model.state_dict()[name], value)
        assert torch.equal(found.training["model"][name], value)


WHOLE = {"format": "kg-checkpoint", "version": 1, "config": {}, "epoch": 1, "model": {}, "training": {}}


def test_a_model_that_was_pickled_whole_says_so(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(KgError, match=r"holds a pickled torch\.nn\.modules\.linear\.Linear") as caught:
        load_checkpoint(path, CPU)
    assert "state_dict" in caught.value.hint


class Evil:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a checkpoint", "cannot be read"),
        (pickle.dumps(Evil()), r"holds pickled Python objects\. Reading that would run code"),
        (pickle.dumps(Evil(), 2), r"holds a pickled print\. Reading that would run code"),
        (None, "There is no checkpoint"),
        ({"weights": torch.zeros(1)}, "no checkpoint of kg"),
        ({"format": "kg-checkpoint", "version": 99}, "newer kg, as version 99; this one reads up to 1"),
        ({"format": "kg-checkpoint"}, "Its version is 'None'"),
        ({"format": "kg-checkpoint", "version": 1, "epoch": 1, "model": {}, "training": {}}, "no 'config'"),
        ({**WHOLE, "model": {"weight": [1.0]}}, "'weight', which is no tensor"),
        ({**WHOLE, "config": {"model": {"keypoints": "8"}}}, "'keypoints' cannot be '8'"),
        ({**WHOLE, "config": {"model": {"colour": "red"}}}, "'colour', which this kg does not know"),
        ({**WHOLE, "config": {"model": {"detector": "key-gr1d"}}}, r"some\.pt cannot be used: .*key-gr1d"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, capsys, content, message):
    path = tmp_path / "some.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(KgError, match=message):
        load_checkpoint(path, CPU)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["last.safetensors", "last.pt"])
def test_a_checkpoint_that_was_cut_short_is_refused(tiny_config, tmp_path, name):
    path, state = tmp_path / name, KeyGrid(tiny_config.model).state_dict()
    if path.suffix == ".pt":
        torch.save({**WHOLE, "model": state}, path)
    else:
        save_checkpoint(path, state, tiny_config, 1, {})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(KgError, match="cannot be read"):
        load_checkpoint(path, CPU)


def test_weights_that_fit_are_taken_over_and_another_networks_refused(tiny_config, tmp_path):
    torch.manual_seed(0)
    first = make_detector(tiny_config.model, tiny_config.train)
    save_checkpoint(tmp_path / "first.safetensors", first.state_dict(), tiny_config, 1, {})
    # Other keypoints: the layers that count them begin anew, all others are taken over.
    other = make_detector(replace(tiny_config.model, keypoints=5), tiny_config.train)
    fresh = {name: value.clone() for name, value in other.state_dict().items()}
    begin_with(other, tmp_path / "first.safetensors")
    state = first.state_dict()
    changed = [name for name, value in other.named_parameters() if not torch.equal(value, fresh[name])]
    assert changed
    for name, value in other.state_dict().items():
        expected = state[name] if state[name].shape == value.shape else fresh[name]
        assert torch.equal(value, expected), name
    alien = make_detector(replace(tiny_config.model, detector="sc3k"), tiny_config.train)
    with pytest.raises(KgError, match="weights of another network"):
        begin_with(alien, tmp_path / "first.safetensors")
