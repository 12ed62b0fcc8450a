"""What is measured is what it says."""

import time

import pytest
import torch

from kg import bench
from kg.config import Config, ModelConfig
from kg.model.keygrid import KeyGrid

CPU = torch.device("cpu")


def test_the_median_and_the_fastest_of_runs_in_turns():
    order = []

    def sleeps(name, seconds):
        pauses = iter([0, 0, *seconds])

        def run():
            order.append(name)
            time.sleep(next(pauses))

        return bench.Case(name, "in use", run)

    cases = [sleeps("a", (0.03, 0.01, 0.02)), sleeps("b", (0, 0, 0))]
    seen = []
    a, b = bench.measure(cases, CPU, 3, lambda done, total: seen.append((done, total)))
    assert order == ["a", "a", "b", "b", *"ababab"]
    assert a.seconds == pytest.approx(0.02, abs=0.009)
    assert a.fastest == pytest.approx(0.01, abs=0.009)
    assert b.seconds < 0.009
    assert seen == [(done, 8) for done in range(1, 9)]


def test_the_peak_is_what_a_run_holds_at_most():
    size = 64 << 20

    def run():
        return torch.ones(size // 4).sum()

    (measured,) = bench.measure([bench.Case("one", "in use", run)], CPU, 1)
    if measured.peak_bytes is None:
        pytest.skip("only Linux tells a peak apart")
    assert 0.9 * size < measured.peak_bytes < 1.5 * size


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
    config = bench.with_keypoints(Config(model=ModelConfig(backbone="tiny", grid=(4, 4, 4))), 3)
    cases = bench.model_cases(config, 2, 40, CPU, precision, ("training", "inference"))
    names = {each.name for each in bench.measure(cases, CPU, 1)}
    assert {"training step", "its matrix products", "inference, 2 clouds", "inference, 1 cloud"} <= names
