"""`kg bench`."""

import json

import torch

from kg.cli.app import run


def test_it_measures_what_is_asked_for(capsys):
    before = torch.get_num_threads()
    try:
        words = [
            "bench",
            "operations",
            "-b",
            "1",
            "--points",
            "64",
            "--rounds",
            "1",
            "--threads",
            "1",
            "--cpu",
        ]
        torch.set_num_threads(2)
        assert run([*words, "--json"]) == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    found = json.loads(capsys.readouterr().out)
    assert (found["batch_size"], found["points"], found["precision"]) == (1, 64, "fp32")
    versions = {(each["name"], each["version"]) for each in found["results"]}
    assert {("ball query, 0.1, 32", "numba"), ("ball query, 0.1, 32", "torch")} <= versions
    assert all(each["seconds"] > 0 for each in found["results"])


def test_a_part_that_does_not_exist_is_answered_with_those_there_are(capsys):
    assert run(["bench", "operation"]) == 1
    assert "Did you mean 'operations'" in capsys.readouterr().err


def test_a_detector_without_parameters(capsys):
    few = ["--detector", "template", "-b", "1", "--points", "64", "--rounds", "1", "--cpu"]
    assert run(["bench", "training", "inference", *few, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in printed["results"]] == ["inference, 1 cloud"]
    assert run(["bench", "training", *few]) == 1
    assert "The detector template has nothing to train" in capsys.readouterr().err
