"""A recipe says the same to `kg train` as to the program that holds it."""

import json

import pytest

from kg.cli.app import run
from kg.config.recipe import Recipe
from kg.errors import KgError


def test_its_words_train_what_it_configures(tiny_preset, tiny_store, capsys):
    recipe = Recipe("tiny", {"sigma": "0.5", "seed": "3", "epochs": "1"}, ("heatmap", "similarity"), "frame")
    assert run(["train", "--store", str(tiny_store.path), *recipe.words(), "--cpu", "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config == json.loads(json.dumps(recipe.configure(tiny_store).to_dict()))
    assert config["model"]["sigma"] == 0.5
    assert config["model"]["decoder_heatmap"] is False
    assert config["data"]["split_by"] == "frame"


def test_a_backbone_has_its_options_in_whatever_order_they_are_said(tiny_store):
    recipe = Recipe("release", {"backbone.neighbours": "8", "backbone": "edgeconv"})
    assert recipe.configure(tiny_store).model.backbone_options == {"neighbours": "8"}


def test_what_chooses_after_it_has_learnt_begins_with_many(tiny_preset, tiny_store):
    def size(**options):
        config = Recipe("tiny", {"choose_keypoints": "true", **options}).configure(tiny_store)
        return config.model.keypoints, config.train.farthest

    assert size() == (16, 20)
    assert size(keypoints="9") == (9, 20)
    assert size(keypoints="9", farthest="7") == (9, 7)
    # This one chooses before; the preset says four.
    assert size(detector="extremal") == (4, 5)


def test_more_farthest_points_than_points_are_refused(tiny_preset, tiny_store):
    assert Recipe("tiny", {"farthest": "48"}).configure(tiny_store).train.farthest == 48
    with pytest.raises(KgError, match="49 farthest points are more than the 48"):
        Recipe("tiny", {"farthest": "49"}).configure(tiny_store)
