"""Options of a training from a file."""

import json
from pathlib import Path

import pytest

from kg.config import Config, preset
from kg.config.file import flatten, read_file
from kg.errors import KgError


def applied(base: Config, options: dict[str, str]) -> Config:
    for name, text in sorted(options.items(), key=lambda each: each[0] not in ("detector", "backbone")):
        base = base.override(name, text)
    return base


@pytest.mark.parametrize("name", ["kg", "quick", "paper", "release"])
def test_a_runs_configuration_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    config = preset(name).override("grid", "8,8,4").override("canonical", "no").override("seed", "7")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config.to_dict()))
    said = read_file(path)
    assert said.preset == name
    # Whatever the preset, the file says every option.
    made = applied(Config(), said.options)
    assert (made.model, made.train) == (config.model, config.train)


def test_a_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('preset = "quick"\nepochs = 40\ngrid = [8, 8, 4]\nbackbone.neighbours = "first"\n')
    said = read_file(path)
    assert said.preset == "quick"
    assert said.options == {"epochs": "40", "grid": "8,8,4", "backbone.neighbours": "first"}
    assert said.with_options({"epochs": "5"})["epochs"] == "5"
    (tmp_path / "mine.json").write_text('{"epochs": 40, "backbone.neighbours": "first"}')
    assert read_file(tmp_path / "mine.json").options == {"epochs": "40", "backbone.neighbours": "first"}


def test_another_plugin_begins_without_the_options_of_the_old_one() -> None:
    said = flatten({"detector": "follow", "detector.anchors": "seams", "backbone.neighbours": "first"})
    assert said.with_options({"detector": "sc3k"}) == {"detector": "sc3k", "backbone.neighbours": "first"}
    assert said.with_options({"detector": "follow"}) == said.options


def test_a_number_of_keypoints_is_not_chosen_again() -> None:
    said = flatten({"keypoints": 9, "choose_keypoints": True, "sigma": 0.1})
    assert said.with_options({"keypoints": "5"}) == {"keypoints": "5", "sigma": "0.1"}
    assert said.with_options({"epochs": "2"})["choose_keypoints"] == "True"
    both = {"keypoints": "20", "choose_keypoints": "true"}
    assert said.with_options(both) == {**both, "sigma": "0.1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ("[1]", "holds no options"), ('{"epoch": 3}', "no option 'epoch'")],
)
def test_what_is_no_file_of_options(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(KgError, match=message):
        read_file(tmp_path / "a.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(KgError, match="There is no file"):
        read_file(tmp_path / "none.json")
