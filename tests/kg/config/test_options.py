"""Options: presets, overrides as text, and the way to a file and back."""

import json

import pytest

from kg.config import ABLATIONS, PRESETS, Config, preset
from kg.errors import KgError


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_its_json(name):
    config = preset(name)
    assert config.preset == name
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sigma", "0.1", 0.1),
        ("keypoints", "12", 12),
        ("grid", "16x16x8", (16, 16, 8)),
        ("grid", "4,5,6", (4, 5, 6)),
        ("sign", "far", "far"),
        ("canonical", "no", False),
        ("backbone", "sprin", "sprin"),
    ],
)
def test_an_option_of_the_model_is_read_from_text(name, text, value):
    assert getattr(Config().override(name, text).model, name) == value


def test_an_option_of_the_training_or_the_backbone_is_read_from_text():
    config = Config().override("learning_rate", "1e-4").override("backbone.neighbours", "first")
    assert config.train.learning_rate == 1e-4
    assert config.model.backbone_options == {"neighbours": "first"}


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("sigm", "1", "sigma"),
        ("sigma", "wide", "a number"),
        ("keypoints", "2.5", "whole number"),
        ("sign", "plus", "near or far"),
        ("grid", "16,16", "three numbers"),
        ("grid", "1,16,16", "three numbers"),
        ("canonical", "perhaps", "true or false"),
        ("keypoints", "1", "a whole number, 2 or more"),
        ("sigma", "0", "a number, above 0"),
        ("dropout", "1.5", "a number, from 0 to 1"),
        ("points", "0", "1 or more"),
        ("farthest", "0", "1 or more"),
        ("epochs", "0", "1 or more"),
        ("batch_size", "0", "1 or more"),
        ("learning_rate", "nan", "0 or more"),
        ("learning_rate", "inf", "0 or more"),
        ("adadelta_eps", "0", "above 0"),
        ("similarity_weight", "-1", "0 or more"),
        ("farthest_weight", "-0.1", "0 or more"),
        ("separation_weight", "nan", "0 or more"),
        ("separation_distance", "0", "above 0"),
        ("similarity_delay", "-1", "0 or more"),
        ("seed", "-1", "from 0 to"),
        ("seed", str(1 << 64), "from 0 to"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(name, text, hint):
    with pytest.raises(KgError) as caught:
        Config().override(name, text)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text"), [("learning_rate", "0"), ("dropout", "0"), ("dropout", "1"), ("similarity_delay", "0")]
)
def test_the_bounds_of_an_option_are_within(name, text):
    values = Config().override(name, text).to_dict()
    assert {**values["model"], **values["train"]}[name] == float(text)


def test_another_backbone_begins_without_options():
    release = preset("release")
    assert release.override("backbone", "pointnet2").model == release.model
    assert release.override("backbone", "edgeconv").model.backbone_options == {}


def test_a_file_of_another_version_is_refused():
    with pytest.raises(KgError, match="'colour', which this kg does not know") as caught:
        Config.from_dict({"model": {"colour": "red"}})
    assert "newer kg" in caught.value.hint


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"preset": 3},
        {"model": [1]},
        {"model": {"keypoints": "8"}},
        {"model": {"keypoints": True}},
        {"model": {"keypoints": 8.5}},
        {"model": {"grid": 16}},
        {"model": {"grid": [16, 16]}},
        {"model": {"grid": [16, 16, "16"]}},
        {"model": {"sign": "nearest"}},
        {"model": {"canonical": 1}},
        {"model": {"backbone_options": {"neighbours": 3}}},
        {"model": {"categories": [3]}},
        {"train": {"learning_rate": None}},
        {"data": {"others": ["a.h5"]}},
    ],
)
def test_what_is_no_configuration_is_refused(values):
    with pytest.raises(KgError, match=r"^It"):
        Config.from_dict(values)


def test_a_whole_number_will_do_where_a_fraction_may_stand():
    assert Config.from_dict({"train": {"jitter": 0}, "model": {"grid": [8, 8, 8]}}).model.grid == (8, 8, 8)


def test_an_unknown_preset_is_answered_with_the_closest():
    with pytest.raises(KgError) as caught:
        preset("papre")
    assert "'paper'" in caught.value.hint


def test_the_release_preset_holds_what_the_released_code_does():
    release = preset("release")
    assert release.model.grid == (16, 16, 8)
    assert (release.model.sigma**2, release.model.sign) == (pytest.approx(2.5e-3), "near")
    assert (release.model.inference, release.model.canonical) == ("hard", False)
    assert (release.train.optimizer, release.train.learning_rate) == ("adadelta", 0.1)
    assert (release.train.adadelta_eps, release.train.similarity_delay) == (1e-2, 21)
    assert release.train.separation_weight == 0


def test_a_part_that_is_left_out_is_known_to_the_configuration():
    assert Config().lacks() == ()
    for part in ABLATIONS:
        assert Config().without(part).lacks() == (part,)
    assert Config().without("similarity").train.similarity_weight == 0
    assert Config().without("farthest-point").train.farthest_weight == 0
    with pytest.raises(KgError) as caught:
        Config().without("heatmaps")
    assert "'heatmap'" in caught.value.hint


def test_a_configuration_from_before_the_ablations_has_every_part():
    values = Config().to_dict()
    del values["model"]["decoder_heatmap"], values["model"]["decoder_features"]
    assert Config.from_dict(values) == Config()


def test_clouds_are_normalised_by_their_range_where_nobody_could_choose_and_where_published():
    values = Config().to_dict()
    del values["model"]["normalisation"]
    assert Config.from_dict(values).model.normalisation == "range"
    chosen = {name: made.model.normalisation for name, made in PRESETS.items()}
    published = dict.fromkeys(("quick", "paper", "release"), "range")
    assert chosen == {"kg": "longest-side", **published}
