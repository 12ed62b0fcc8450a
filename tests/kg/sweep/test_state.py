"""What run folders say of how far a sweep is."""

import json
import os
from dataclasses import replace

import pytest

from kg.errors import KgError
from kg.sweep import state
from kg.sweep.plan import plan_jobs, plan_methods
from kg.train import runs


def test_a_training_is_finished_when_its_epochs_are_done(jobs, begin):
    assert [state.epochs_done(job) for job in jobs] == [0, 0, 0, 0]
    begin(jobs[0], 3)
    begin(jobs[1], 2)
    assert [state.is_trained(job) for job in jobs] == [True, False, False, False]
    assert jobs[1].words()[:2] == ["train", "--resume"]
    assert jobs[2].words()[:2] == ["train", "--store"]


def test_the_time_that_is_left_follows_the_pace_of_what_is_done(jobs, begin):
    assert state.seconds_left(jobs, 1) is None
    begin(jobs[0], 3)
    begin(jobs[1], 2)
    # One epoch of the second, three of each of the other two, ten seconds each.
    assert state.seconds_left(jobs, 1) == pytest.approx(70)
    assert state.seconds_left(jobs, 2) == pytest.approx(35)
    assert state.seconds_left(jobs[:1], 2) == 0


def test_another_detector_has_another_pace(jobs, begin):
    begin(jobs[0], 3)
    other = replace(jobs[0].config, model=replace(jobs[0].config.model, detector="sc3k"))
    runs.write_json(jobs[0].folder / "config.json", other.to_dict())
    assert state.seconds_an_epoch(jobs[1]) is None


def test_a_run_that_cannot_be_read_is_no_hindrance(jobs, begin, tmp_path):
    begin(jobs[0], 1)
    for number, content in enumerate(("{", '{"model": {"gone": 1}}', "{}")):
        (jobs[0].sweep / str(number)).mkdir()
        (jobs[0].sweep / str(number) / "config.json").write_text(content)
    assert state.seconds_an_epoch(jobs[0]) == 10


def test_a_run_with_other_options_is_not_taken_for_this_one(jobs, begin):
    begin(jobs[0], 3)
    state.check_options(jobs)
    config = jobs[0].config.to_dict()
    del config["model"]["categories"]  # as an older version wrote it
    runs.write_json(jobs[0].folder / "config.json", config)
    state.check_options(jobs)
    other = replace(jobs[0].config, train=replace(jobs[0].config.train, epochs=9))
    runs.write_json(jobs[0].folder / "config.json", other.to_dict())
    with pytest.raises(KgError, match="epochs 9, not 3"):
        state.check_options(jobs)


def test_figures_are_kept_for_the_words_and_the_checkpoint_that_they_are_of(jobs, begin):
    job, words = jobs[0], ["eval", "--metric", "das"]
    begin(job, 3)
    assert state.measured(job, words) is None
    state.keep_measured(job, words, json.dumps({"results": []}))
    assert state.measured(job, words) == {"words": words, "results": []}
    assert state.measured(job, ["eval", "--metric", "miou"]) is None
    later = (job.folder / state.EVALUATION).stat().st_mtime + 10
    os.utime(job.folder / "best.safetensors", (later, later))
    assert state.measured(job, words) is None


def test_a_number_of_keypoints_that_was_chosen_is_no_other_option(tiny_preset, tiny_store, begin, tmp_path):
    methods = plan_methods(["tiny"], [], [], {"choose_keypoints": "true"}, detectors=["extremal"])
    (job,) = plan_jobs(methods, [tiny_store], [0], tmp_path / "runs" / "sweep")
    begin(job, 3)
    chosen = replace(job.config, model=replace(job.config.model, keypoints=7))
    runs.write_json(job.folder / "config.json", chosen.to_dict())
    state.check_options([job])
