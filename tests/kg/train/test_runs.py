"""Run folders: made once, found by name, by path or as the latest."""

import os
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from kg import paths
from kg.config import Config
from kg.errors import KgError
from kg.train import runs
from kg.train.runs import discard_if_empty, find_run, find_sweep, list_runs, name_of, new_run, read_config


def _saved(run: Path, seconds: int, name: str = "last.safetensors") -> None:
    (run / name).touch()
    os.utime(run / name, (seconds, seconds))


def _of(config: Config, *categories: str) -> Config:
    return replace(config, model=replace(config.model, categories=categories))


def test_the_latest_run_is_the_one_whose_checkpoint_was_written_last(tiny_config):
    one, two, begun = (new_run(tiny_config, name) for name in ("one", "two", "begun"))
    _saved(one, 20)
    _saved(two, 10)
    for named in (None, "latest", Path("latest"), paths.runs() / "latest"):
        assert find_run(named) == one.resolve()
    _saved(two, 30, "best.safetensors")
    assert find_run("latest") == two.resolve()
    shutil.rmtree(two)
    assert find_run("latest") == one.resolve()
    assert [run.name for run in list_runs()] == ["begun", "one"]
    assert read_config(begun) == tiny_config
    assert not (paths.runs() / "latest").is_symlink()


def test_the_latest_of_a_sweep_is_its_own(tiny_config):
    one, two = new_run(tiny_config, "sweep/one"), new_run(tiny_config, "two")
    _saved(one, 10)
    _saved(two, 20)
    assert find_run("sweep/latest") == one.resolve()
    assert find_sweep("sweep") == find_sweep(paths.runs() / "sweep") == [one.resolve()]
    assert find_sweep("one") == []
    with pytest.raises(KgError, match="no trained run in none"):
        find_run("none/latest")


def test_a_run_is_found_by_name_and_by_path(tiny_config, tmp_path):
    run = new_run(_of(tiny_config, "shirt", "skirt", "vest"))
    assert "shirt-and-2-more-tiny" in run.name
    assert find_run(run) == run.resolve()
    assert find_run(tmp_path / "runs" / run.name) == run.resolve()
    assert find_run(Path(run.name)) == run.resolve()


@pytest.mark.parametrize("place", ["runs/sweep/one", "elsewhere/one"])
def test_a_run_is_found_by_what_predictions_call_it(tiny_config, tmp_path, place):
    moved = tmp_path / place
    moved.parent.mkdir(parents=True, exist_ok=True)
    new_run(tiny_config, "one").rename(moved)
    assert find_run(Path(name_of(moved))) == moved
    assert name_of(moved) in ("sweep/one", str(moved))


def test_a_taken_name_is_refused_with_the_way_to_resume(tiny_config):
    new_run(tiny_config, "mine")
    with pytest.raises(KgError) as caught:
        new_run(tiny_config, "mine")
    assert "--resume" in caught.value.hint


def test_trainings_that_begin_in_the_same_second_have_names_of_their_own(tiny_config, monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(runs, "datetime", Clock)
    made = [new_run(_of(tiny_config, "shirt")).name for _ in range(3)]
    assert made == [f"20260102-030405-shirt-tiny{end}" for end in ("", "-2", "-3")]


def test_a_name_may_be_in_a_folder_of_its_own(tiny_config):
    one = new_run(tiny_config, "shirts/one")
    assert find_run(Path("shirts/one")) == one.resolve()
    discard_if_empty(one)
    assert not one.exists()


def test_a_mistyped_run_is_answered_with_the_closest(tiny_config):
    new_run(tiny_config, "sweep/mine")
    with pytest.raises(KgError) as caught:
        find_run("sweep/mien")
    assert "Did you mean 'sweep/mine'?" in caught.value.hint


@pytest.mark.parametrize("name", ["latest", "latest/one", ".hidden", "../one", "shirts/../..", "/one", ""])
def test_a_name_that_would_be_no_run_of_its_own_is_refused(tiny_config, name):
    with pytest.raises(KgError, match="cannot be called"):
        new_run(tiny_config, name)
    assert not paths.runs().exists()


def test_no_run_is_answered_with_how_to_make_one(tmp_path):
    with pytest.raises(KgError) as caught:
        find_run(None)
    assert "kg train" in caught.value.hint
    with pytest.raises(KgError, match="no run folder"):
        find_run(tmp_path)


def test_a_broken_configuration_is_refused(tiny_config):
    run = new_run(tiny_config)
    (run / "config.json").write_text("{")
    with pytest.raises(KgError, match=r"config\.json"):
        read_config(run)
