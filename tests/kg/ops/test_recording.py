"""Work that is recorded gives what work that is laid out gives."""

import pytest
import torch

from kg.ops.recording import Recorder

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Work:
    """A power of clouds that are scaled, summed; it notes its calls."""

    def __init__(self, device):
        self.scale, self.calls = torch.ones(3, device=device), []

    def __call__(self, points, power=1):
        self.calls.append(power)
        return (points * self.scale).pow(power).sum((1, 2))


@pytest.mark.parametrize("recordable", [True, False])
def test_on_a_cpu_every_call_does_the_work(recordable):
    work = Work("cpu")
    recorder = Recorder(work, torch.device("cpu"), recordable)
    for value in (1.0, 2.0, 3.0):
        assert recorder(torch.full((2, 5, 3), value)).tolist() == [15 * value] * 2
    assert len(work.calls) == 3


@needs_gpu
def test_on_a_gpu_the_third_call_of_a_kind_does_it_no_more():
    work = Work("cuda")
    recorder = Recorder(work, torch.device("cuda"), True)
    for value in (1.0, 2.0, 3.0, 4.0):
        assert recorder(torch.full((2, 5, 3), value, device="cuda"), 2).tolist() == [15 * value**2] * 2
        assert recorder(torch.full((3, 5, 3), value, device="cuda"), 1).tolist() == [15 * value] * 3
    assert work.calls == [2, 1, 2, 1]
    work.scale.mul_(10)
    assert recorder(torch.ones((3, 5, 3), device="cuda"), 1).tolist() == [150] * 3


@needs_gpu
@pytest.mark.parametrize("recordable", [True, False])
def test_on_a_gpu_what_is_not_to_be_recorded_is_done_each_time(monkeypatch, recordable):
    monkeypatch.setenv("KG_RECORD", "0")
    work = Work("cuda")
    recorder = Recorder(work, torch.device("cuda"), recordable)
    for _ in range(3):
        recorder(torch.ones((2, 5, 3), device="cuda"))
    assert len(work.calls) == 3


@needs_gpu
def test_random_numbers_follow_the_seed_whether_recorded_or_not():
    recorder = Recorder(lambda points: torch.rand_like(points), torch.device("cuda"), True)
    seen = []
    for seed in (0, 0, 0, 1, 0):
        torch.manual_seed(seed)
        seen.append(recorder(torch.ones((1, 4, 3), device="cuda")).clone())
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[0], seen[4])
    assert not torch.equal(seen[0], seen[3])
