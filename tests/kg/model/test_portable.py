"""A detector that is written for others finds what it found before."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from kg.config import DataConfig
from kg.errors import KgError
from kg.model import portable
from kg.model.checkpoint import export_checkpoint, load_checkpoint, save_checkpoint
from kg.model.portable import all_trained, trained
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(tiny_config, tmp_path):
    model = KeyGrid(tiny_config.model)
    model.train()(torch.rand(3, 48, 3))
    there = "/home/somebody/shirt.h5"
    config = replace(
        tiny_config,
        data=DataConfig(store=there, checksum="1", others={there: "2"}, split_by="frame"),
        train=replace(tiny_config.train, init=there),
    )
    save_checkpoint(tmp_path / "last.safetensors", model.state_dict(), config, 7, {"step": 3})
    return load_checkpoint(tmp_path / "last.safetensors", CPU)


def test_it_comes_back_rounded_and_smaller_and_without_what_only_its_maker_has(checkpoint, tmp_path):
    file = tmp_path / "mine.safetensors"
    export_checkpoint(checkpoint, file)
    found = load_checkpoint(file, CPU)
    assert (found.epoch, found.training) == (7, {})
    assert found.config.model == checkpoint.config.model
    assert found.config.data == DataConfig(split_by="frame")
    assert b"somebody" not in file.read_bytes()
    assert file.stat().st_size < 0.6 * (tmp_path / "last.safetensors").stat().st_size
    points = torch.rand(2, 48, 3, generator=torch.Generator().manual_seed(0))
    one, other = checkpoint.model.find(points), found.model.find(points)
    torch.testing.assert_close(other.keypoints, one.keypoints, atol=0.01, rtol=0)
    assert found.identity != checkpoint.identity


def test_other_names_are_refused_before_anything_is_written(checkpoint, tmp_path):
    with pytest.raises(KgError, match="would not be known") as caught:
        export_checkpoint(checkpoint, tmp_path / "mine.pt")
    assert ".safetensors" in caught.value.hint
    assert not (tmp_path / "mine.pt").exists()


def test_what_is_damaged_or_of_another_program_is_refused(checkpoint, tmp_path):
    file = tmp_path / "some.safetensors"
    export_checkpoint(checkpoint, file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(KgError, match="cannot be read"):
        load_checkpoint(file, CPU)
    save_file({"weight": torch.zeros(2)}, file)
    with pytest.raises(KgError, match="weights of another program"):
        load_checkpoint(file, CPU)
    save_file({"weight": torch.zeros(2)}, file, {"kg": '{"format": "kg-checkpoint", "version": 99}'})
    with pytest.raises(KgError, match="newer kg"):
        load_checkpoint(file, CPU)
    save_file({"weight": torch.zeros(2)}, file, {"kg": "{"})
    with pytest.raises(KgError, match="cannot be read"):
        load_checkpoint(file, CPU)


def test_detectors_that_come_with_kg_are_known_by_their_names(checkpoint, tmp_path, monkeypatch):
    folder = tmp_path / "trained"
    monkeypatch.setattr(portable, "TRAINED", folder)
    assert trained("hats") is None
    export_checkpoint(checkpoint, folder / "hats.safetensors")
    assert trained("hats") == folder / "hats.safetensors"
    assert trained("../trained/hats") is None
    assert all_trained() == [folder / "hats.safetensors"]
