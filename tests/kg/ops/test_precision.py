"""In bfloat16 a network still finds what it found, and trains."""

import warnings

import pytest
import torch

from kg.config import ModelConfig
from kg.ops import precision as precisions
from kg.ops.precision import autocast
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


def test_keypoints_stay_where_they_are_and_exact_types_stay():
    torch.manual_seed(0)
    model = KeyGrid(ModelConfig(keypoints=4)).eval()
    points = torch.rand(1, 1024, 3) * 2 - 1
    with torch.no_grad():
        exact = model(points)
        with autocast(CPU, "bf16"):
            low = model(points)
    assert all(
        values.dtype == torch.float32
        for values in (low.keypoints, low.weights, low.edges, low.reconstruction)
    )
    assert 0 < (low.keypoints - exact.keypoints).abs().max() < 0.01


def test_gradients_arrive(tiny_backbone):
    torch.manual_seed(0)
    model = KeyGrid(ModelConfig(keypoints=4, backbone="tiny", grid=(4, 4, 4), dropout=0)).train()
    points = torch.rand(3, 40, 3)
    gradients = []
    for precision in ("fp32", "bf16"):
        torch.manual_seed(1)
        with autocast(CPU, precision):
            found = model(points)
        loss = found.keypoints.square().sum() + found.reconstruction.square().sum()
        model.zero_grad()
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    exact, low = gradients
    assert torch.nn.functional.cosine_similarity(exact, low, dim=0) > 0.8  # measured 0.88, of 24 rows a layer


@pytest.mark.parametrize("known", [True, False])
def test_a_cpu_that_does_not_multiply_in_it_is_told_once(known, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: known)
    precisions._check_cpu.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            autocast(CPU, "bf16")
            autocast(CPU, "fp32")
    assert len(caught) == (0 if known else 1)
    assert all("use --precision fp32" in str(warning.message) for warning in caught)
    precisions._check_cpu.cache_clear()
