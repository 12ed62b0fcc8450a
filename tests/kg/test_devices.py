"""Choosing a device: the best there is, or a sentence on why not."""

import pytest
import torch

from kg.devices import choose_device
from kg.errors import KgError


@pytest.fixture
def gpus(monkeypatch):
    def pretend(count, cuda="12.8"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.version, "cuda", cuda)

    return pretend


def test_the_best_device_is_the_first_gpu_or_the_cpu(gpus):
    gpus(2)
    assert choose_device() == torch.device("cuda", 0)
    assert choose_device(gpu=1) == torch.device("cuda", 1)
    assert choose_device(cpu=True) == torch.device("cpu")
    gpus(0)
    assert choose_device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("count", "cuda", "gpu", "message", "hint"),
    [
        (0, None, 0, "built without", "CUDA build"),
        (0, "12.8", 0, "no CUDA device", "nvidia-smi"),
        (2, "12.8", 2, "no GPU 2", "0, 1"),
        (2, "12.8", -1, "no GPU -1", "0, 1"),
    ],
)
def test_a_gpu_that_is_not_there_is_explained(gpus, count, cuda, gpu, message, hint):
    gpus(count, cuda)
    with pytest.raises(KgError, match=message) as caught:
        choose_device(gpu=gpu)
    assert hint in caught.value.hint


def test_gpu_and_cpu_exclude_each_other():
    with pytest.raises(KgError, match="exclude"):
        choose_device(gpu=0, cpu=True)
