"""Trainings and inference are measured as they are done."""

import pytest
import torch

from kg.config import Config, ModelConfig
from kg.ops.bench import measure
from kg.train import bench
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


def test_the_matrix_products_are_those_of_the_layers(tiny_backbone, monkeypatch):
    model = KeyGrid(ModelConfig(keypoints=3, backbone="tiny", grid=(4, 4, 4)))
    cloud = torch.rand(2, 40, 3)
    products = []
    multiply = bench.matrix_products(model, lambda: model(cloud), CPU, "fp32", backward=False)
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: products.append((*a.shape, b.shape[1])))
    multiply()
    # The head on 80 points: 16 to 128 to 3, then 3 to 3.
    assert {(80, 16, 128), (80, 128, 3), (80, 3, 3)} <= set(products)
    linear = sum(isinstance(module, torch.nn.Linear) for module in model.modules())
    assert len(products) == linear


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_and_inference_run(tiny_backbone, precision):
    config = Config(model=ModelConfig(keypoints=3, backbone="tiny", grid=(4, 4, 4)))
    cases = bench.model_cases(config, 2, 40, CPU, precision, ("training", "inference"))
    names = {each.name for each in measure(cases, CPU, 1)}
    assert {"training step", "its matrix products", "inference, 2 clouds", "inference, 1 cloud"} <= names


@pytest.mark.parametrize("detector", ["box", "template"])
def test_without_parameters_there_is_no_step_to_measure(detector):
    config = bench.configure(4, detector)
    cases = bench.model_cases(config, 2, 40, CPU, "fp32", ("training", "inference"))
    names = [each.name for each in measure(cases, CPU, 1)]
    assert names == ["inference, 2 clouds", "inference, 1 cloud"]


def test_a_detector_that_learns_from_places_at_rest_has_them():
    config = bench.configure(4, "follow")
    assert (config.model.keypoints, config.model.backbone, config.train.optimizer) == (4, "layered", "adamw")
    rest = bench.rigid_examples(torch.rand(2, 40, 3)).batch().rest
    assert rest is not None
    torch.testing.assert_close(rest.amin(1), -torch.ones(2, 3))
    torch.testing.assert_close(rest.amax(1), torch.ones(2, 3))
