"""A recipe says the same to `kg train` as to the program that holds it."""

import json

from kg.cli.app import run
from kg.recipe import Recipe


def test_its_words_train_what_it_configures(tiny_preset, tiny_store, capsys):
    recipe = Recipe("tiny", {"sigma": "0.5", "seed": "3", "epochs": "1"}, ("heatmap", "similarity"), "frame")
    assert run(["train", "--store", str(tiny_store.path), *recipe.words(), "--cpu", "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config == json.loads(json.dumps(recipe.configure(tiny_store).to_dict()))
    assert config["model"]["sigma"] == 0.5
    assert config["model"]["decoder_heatmap"] is False
    assert config["data"]["split_by"] == "frame"
