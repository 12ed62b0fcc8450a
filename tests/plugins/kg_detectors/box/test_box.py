import numpy as np
import pytest
import torch

from kg.config import ModelConfig, TrainConfig
from kg.errors import KgError
from kg.inference.predictor import Predictor
from kg.inference.shapes import predict_store
from kg.train import runs, train
from kg_detectors.box import Box


def made(keypoints):
    return Box(ModelConfig(keypoints=keypoints), TrainConfig())


def test_places_are_those_of_each_clouds_own_box():
    points = torch.randn(3, 50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2, 3])
    found = made(10).find(points)
    for cloud, places in zip(points.numpy(), found.keypoints.numpy(), strict=True):
        low, high = cloud.min(0), cloud.max(0)
        share = (places - low) / (high - low)
        corners = {(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)}
        assert {tuple(row) for row in share[:8].round(5).tolist()} == corners
        np.testing.assert_allclose(share[8:], [[0.5, 1, 0.5], [0.5, 0, 0.5]], atol=1e-5)
    away = torch.cdist(found.keypoints, points)
    assert torch.equal(found.indices, away.argmin(2))
    assert found.confidences.eq(1).all()


def test_there_are_ten_places():
    made(10).check()
    with pytest.raises(KgError, match="10 places, not 11"):
        made(11).check()


def test_a_training_without_parameters_has_one_epoch_without_steps(tiny_config):
    config = tiny_config.override("detector", "box").override("epochs", Box.defaults["epochs"])
    folder = runs.new_run(config, "box")
    summary = train(config, folder, torch.device("cpu"))
    assert (summary.epochs, summary.best_epoch, summary.train_shapes) == (1, 1, 13)
    assert [entry["loss"] for entry in runs.read_metrics(folder)] == [0.0]
    found = predict_store(Predictor.load(folder, "best", torch.device("cpu")))
    low, high = found.points.min(1), found.points.max(1)
    np.testing.assert_allclose(found.keypoints[:, 0], high, rtol=1e-5)
    np.testing.assert_allclose(found.keypoints[:, 1], low, rtol=1e-5)
    # Nothing is left to do.
    assert train(config, folder, torch.device("cpu"), resume=True).epochs == 1
