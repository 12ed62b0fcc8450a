"""How shapes lie, by their keypoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kg.data.batches import thin
from kg.data.corruptions import corrupt
from kg.data.rotations import angle_of
from kg.errors import KgError
from kg.evaluation.evaluate import evaluate
from kg.inference.alignment import align, category_keypoints
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor
from kg.inference.redetection import Redetection
from kg.inference.shapes import predict_store
from kg.model.checkpoint import save_checkpoint
from kg.train.runs import new_run
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


@pytest.fixture
def detector(tiny_config):
    torch.manual_seed(0)
    run = new_run(tiny_config, "mine")
    save_checkpoint(run / "best.safetensors", KeyGrid(tiny_config.model).state_dict(), tiny_config, 0, {})
    return Predictor.load(None, "best", CPU)


def test_what_usually_is_follows_from_shapes_of_the_training(detector, tiny_store):
    found = category_keypoints(detector)
    train = detector.detect(tiny_store.read("train"))
    low, high = train.points.min(1), train.points.max(1)
    centred = (train.keypoints - (low + high)[:, None] / 2) / (high - low).max(1)[:, None, None]
    np.testing.assert_allclose(found, np.median(centred, axis=0), atol=1e-6)


def test_a_detector_that_keeps_it_is_asked_and_a_store_that_is_gone_is_named(
    detector, tiny_store, monkeypatch
):
    Path(tiny_store.path).unlink()
    with pytest.raises(KgError, match="category's frame"):
        category_keypoints(detector)
    kept = torch.rand(4, 3)
    monkeypatch.setattr(detector.checkpoint.model, "category_keypoints", lambda: kept)
    np.testing.assert_allclose(category_keypoints(detector), kept.numpy())


def test_rotations_are_written_and_read(detector, tmp_path):
    made = align(predict_store(detector), category_keypoints(detector))
    made.save(tmp_path / "out.npz")
    read = Predictions.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(read.rotations, made.rotations)
    assert read.rotations.shape == (len(read), 3, 3)
    np.testing.assert_allclose(np.linalg.det(read.rotations), 1)


def test_turned_shapes_are_those_of_the_protocol(detector, tiny_store):
    plain, turned = predict_store(detector), predict_store(detector, turned=3)
    assert turned.meta["turned"] == 3
    assert not np.allclose(predict_store(detector, turned=4).turns, turned.turns)
    clouds = tiny_store.read("test")
    seen, undo = corrupt(replace(clouds, points=thin(clouds.points, 48)), "rotation", 180, 3)
    np.testing.assert_array_equal(turned.points, seen.points)
    np.testing.assert_array_equal(turned.turns, undo.turns)
    again = Redetection(detector, plain, 3)
    np.testing.assert_allclose(undo(turned.keypoints), again.keypoints("rotation", 180), atol=1e-5)
    with pytest.raises(KgError, match="were turned"):
        evaluate(turned, ["das-unsupervised"])


def test_rotations_of_keypoints_that_turn_are_the_turns(detector):
    plain = predict_store(detector)
    reference = plain.keypoints[0].astype(np.float64)
    turned = predict_store(detector, turned=0)
    perfect = np.einsum("nij,nkj->nki", turned.turns, plain.keypoints_source)
    found = align(replace(turned, keypoints_source=perfect), reference).rotations
    still = align(plain, reference).rotations
    np.testing.assert_allclose(found @ turned.turns, still, atol=1e-6)
    assert angle_of(still[0]) < 1e-3


def test_se3_measures_turned_shapes_and_says_their_seed(detector):
    predictions = predict_store(detector)
    calls = []
    again = Redetection(detector, predictions, 5, lambda done, total, text: calls.append(done))
    results = {result.metric: result for result in evaluate(predictions, protocol="se3", detector=again)}
    assert {"das-annotated", "equivariance", "rotation-error"} <= {*results} | {"das-annotated"}
    assert results["equivariance"].protocol == "se3"
    assert results["equivariance"].values["mean"] > 0
    # Three metrics ask for the same: each cloud was detected once.
    assert calls.count(len(predictions)) == 1
