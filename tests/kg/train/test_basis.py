"""What a training is configured by, as Python users have it."""

import json
from dataclasses import replace

import pytest

from kg.errors import KgError
from kg.model.checkpoint import save_checkpoint
from kg.model.making import make_detector
from kg.train import Basis, new_run, resumed_config


@pytest.fixture
def checkpoint(tiny_config, tmp_path):
    """A checkpoint whose training was of another precision than the usual one."""
    config = tiny_config.override("precision", "bf16").override("keypoints", "3")
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, make_detector(config.model, config.train).state_dict(), config, 1, {})
    return path


def test_a_preset_and_options_make_a_configuration(tiny_preset, tiny_store):
    config = Basis.of("tiny").configure([tiny_store], {"sigma": "0.4"}, ["heatmap"], "frame")
    assert (config.preset, config.model.sigma, config.model.decoder_heatmap) == ("tiny", 0.4, False)
    assert config.data.checksums == {tiny_store.place: tiny_store.checksum}
    assert config.data.split_by == "frame"
    assert config.model.categories == (tiny_store.category,)


def test_a_run_is_followed_with_its_stores(tiny_preset, tiny_store):
    config = Basis.of("tiny").configure([tiny_store], {"seed": "4"}, split_by="frame")
    basis = Basis.of(like=new_run(config, "mine"))
    (store,) = basis.open_stores()
    assert basis.configure([store]) == config
    assert basis.configure([store], {"seed": "5"}) == replace(config, train=replace(config.train, seed=5))


def test_fine_tuning_leaves_the_precision_to_the_machine(checkpoint, tiny_preset, tiny_store):
    basis = Basis.of(init=checkpoint)
    assert basis.open_stores() == []
    config = basis.configure([tiny_store])
    assert (config.model.keypoints, config.train.precision) == (3, "fp32")
    assert config.train.init == str(checkpoint)
    assert basis.configure([tiny_store], {"precision": "bf16"}).train.precision == "bf16"


def test_a_student_takes_after_its_teacher(checkpoint, tiny_preset, tiny_store):
    basis = Basis.of(teacher=checkpoint)
    (store,) = basis.open_stores()
    assert store.checksum == tiny_store.checksum
    config = basis.configure([store], {"backbone": "tiny"})
    assert (config.model.detector, config.model.keypoints) == ("student", 3)
    assert config.train.teacher == str(checkpoint)


def test_a_file_has_a_preset_that_another_stands_before(tiny_preset, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"preset": "quick", "sigma": 0.25}))
    assert Basis.of(file=file).preset == "quick"
    assert Basis.of("tiny", file=file).preset == "tiny"
    assert Basis.of().preset == "kg"


def test_two_that_say_all_exclude_each_other(checkpoint, tmp_path):
    for sources, names in (
        ({"init": checkpoint, "like": tmp_path}, "--init says all that --like could"),
        ({"preset": "kg", "like": tmp_path}, "--like says all that --preset could"),
        ({"file": tmp_path, "teacher": checkpoint}, "--teacher says all that --config could"),
    ):
        with pytest.raises(KgError, match=names):
            Basis.of(**sources)


def test_a_run_that_goes_on_changes_its_epochs_and_where_its_store_lies(tiny_config, tiny_store, tmp_path):
    run = new_run(tiny_config, "mine")
    assert resumed_config(run) == tiny_config
    assert resumed_config(run, epochs=9).train.epochs == 9
    moved = type(tiny_store)(tiny_store.path.rename(tmp_path / "moved.h5"))
    config = resumed_config(run, [moved])
    assert config.data.checksums == {str(tmp_path / "moved.h5"): tiny_store.checksum}
    assert config.train == tiny_config.train
