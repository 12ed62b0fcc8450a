"""A detector whose keypoints another one learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kg.config import TrainConfig
from kg.data import Store
from kg.data.normalise import from_source
from kg.errors import KgError
from kg.inference.predictor import Predictor
from kg.model.checkpoint import load_checkpoint
from kg.train import train
from kg.train.examples import read_examples
from kg.train.runs import read_metrics
from kg.train.teacher import Teacher

CPU = torch.device("cpu")


@pytest.fixture
def taught(tiny_config, tmp_path):
    """A run of Key-Grid."""
    train(tiny_config, tmp_path / "teacher", CPU)
    return tmp_path / "teacher" / "best.safetensors"


def student_of(config, teacher, **options):
    model = replace(config.model, detector="student", detector_options={}, normalisation="longest-side")
    return replace(config, model=model, train=replace(config.train, teacher=str(teacher), **options))


def test_its_keypoints_are_those_that_it_predicts(taught, tiny_config):
    store = Store(Path(tiny_config.data.store))
    clouds = store.read("train", "object")
    found = Teacher.load(taught, CPU).keypoints(clouds, store.category)
    predicted = Predictor.load(taught, None, CPU).detect(clouds)
    np.testing.assert_allclose(found, predicted.keypoints_source, atol=1e-5)
    examples = read_examples([store], "train", "object", 48, "longest-side", Teacher.load(taught, CPU))
    expected = from_source(predicted.keypoints_source, clouds.scale, clouds.offset)
    np.testing.assert_allclose(examples.keypoints.numpy(), expected, atol=1e-5)


def test_a_student_learns_resumes_and_predicts_without_it(taught, tiny_config, tmp_path):
    config = student_of(tiny_config, taught, turn="all", epochs=6, learning_rate=0.01)
    run = tmp_path / "student"
    train(replace(config, train=replace(config.train, epochs=2)), run, CPU)
    train(config, run, CPU, resume=True)
    losses = [entry["val_heat"] for entry in read_metrics(run)]
    assert losses[-1] < losses[0]
    taught.unlink()
    checkpoint = load_checkpoint(run / "best.safetensors", CPU)
    assert checkpoint.model.category_keypoints().shape == (4, 3)
    assert checkpoint.model.category_keypoints().abs().max() > 0.01
    assert (
        Predictor.load(run / "best.safetensors", None, CPU)
        .detect(Store(Path(config.data.store)).read())
        .keypoints.shape[1]
        == 4
    )
    with pytest.raises(KgError, match="is not there"):
        train(replace(config, train=replace(config.train, epochs=7)), run, CPU, resume=True)


def test_who_needs_a_teacher_says_so_and_who_does_not_too(taught, tiny_config, tmp_path):
    with pytest.raises(KgError, match="learns from another detector's keypoints"):
        train(student_of(tiny_config, ""), tmp_path / "none", CPU)
    with pytest.raises(KgError, match="learns by itself"):
        train(
            replace(tiny_config, train=replace(TrainConfig(points=48), teacher=str(taught))),
            tmp_path / "other",
            CPU,
        )
    config = student_of(tiny_config, taught)
    more = replace(config, model=replace(config.model, keypoints=5))
    with pytest.raises(KgError, match="has 4 keypoints, and 5"):
        train(more, tmp_path / "more", CPU)


def test_a_teacher_is_made_to_see_shapes_upright(taught, tiny_config, tmp_path):
    config = student_of(tiny_config, taught)
    run = tmp_path / "upright"
    fitted: list[int] = []
    config = replace(config, model=replace(config.model, detector="upright"))
    summary = train(config, run, CPU, fitting=fitted.append)
    assert fitted == [summary.train_shapes]
    taught.unlink()
    detector = Predictor.load(run / "best.safetensors", None, CPU)
    clouds = Store(Path(config.data.store)).read()
    assert detector.detect(clouds).keypoints.shape == (len(clouds.ids), 4, 3)
