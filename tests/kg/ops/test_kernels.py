"""How the version of an operation is chosen, forced and given up."""

import importlib
import warnings
from collections import defaultdict
from contextlib import contextmanager

import pytest
import torch

from kg import ops
from kg.errors import KgError
from kg.ops import kernels, torch_kernels
from kg.ops.kernels import Kernel, choose, register

CPU, GPU = torch.device("cpu"), torch.device("cuda")
CLOUD = torch.rand(1, 9, 3)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """What fails in one test works again in the next."""
    monkeypatch.setattr(kernels, "_broken", {})
    monkeypatch.setattr(kernels, "_compiled", set())
    monkeypatch.setattr(kernels, "_warned", set())
    kernels._load.cache_clear()


def test_the_cpu_takes_numba_and_says_why():
    choice = choose("ball_query", CPU)
    assert (choice.kernel.backend, choice.reason) == ("numba", "fastest on the cpu")


def test_without_numba_plain_pytorch_runs_and_says_why(monkeypatch):
    monkeypatch.setattr(kernels, "_installed", lambda package: False)
    choice = choose("ball_query", CPU)
    assert choice.kernel.backend == "torch"
    assert "numba is not installed" in choice.reason
    assert ops.nearest_neighbours(CLOUD, CLOUD).flatten().tolist() == list(range(9))


def test_a_cloud_larger_than_a_kernel_takes(monkeypatch):
    monkeypatch.setattr(kernels, "_installed", lambda package: package == "triton")
    monkeypatch.setattr(kernels, "_load", lambda kernel: None)
    assert choose("farthest_point_sample", GPU, size=1000).kernel.backend == "triton"
    choice = choose("farthest_point_sample", GPU, size=1_000_000)
    assert choice.kernel.backend == "torch"
    assert "points at most" in choice.reason
    assert "float64" in choose("farthest_point_sample", GPU, torch.float64).reason


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_a_backend_that_is_asked_for_runs(monkeypatch, backend):
    monkeypatch.setenv("KG_KERNELS", backend)
    assert choose("moments", CPU) == kernels.Choice(kernels._registered["moments"][backend], "asked for")


def test_a_backend_that_is_asked_for_and_cannot_run_is_one_warning(monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "triton")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.warns(UserWarning, match="triton on cpu"):
        ops.nearest_neighbours(CLOUD, CLOUD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ops.farthest_point_sample(CLOUD, 3)


def test_an_unknown_backend_is_answered_with_those_there_are(monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "tritn")
    with pytest.raises(KgError) as caught:
        ops.farthest_point_sample(CLOUD, 2)
    assert "Did you mean 'triton'" in caught.value.hint
    assert "auto, numba, torch, triton" in caught.value.hint


def test_a_kernel_that_does_not_compile_is_given_up_once_for_a_dtype(monkeypatch):
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise RuntimeError("no such instruction\nand more")

    load = kernels._load
    monkeypatch.setattr(kernels, "_load", lambda kernel: fail if kernel.backend == "numba" else load(kernel))
    with pytest.warns(
        UserWarning, match="neighbours: it does not compile for torch.float32: RuntimeError: no"
    ):
        found = ops.nearest_neighbours(CLOUD, CLOUD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(found, ops.nearest_neighbours(CLOUD, CLOUD))
    assert len(calls) == 1
    assert "no such instruction" in choose("nearest_neighbours", CPU).reason
    assert choose("nearest_neighbours", CPU, torch.float64).kernel.backend == "numba"


@pytest.mark.parametrize(
    "error", [ValueError("sizes"), IndexError("out"), MemoryError(), torch.OutOfMemoryError("full")]
)
def test_a_call_that_cannot_be_done_is_no_fault_of_the_kernel(monkeypatch, error):
    def fail(*arguments):
        raise error

    load = kernels._load
    monkeypatch.setattr(kernels, "_load", lambda kernel: fail if kernel.backend == "numba" else load(kernel))
    with pytest.raises(type(error)):
        ops.nearest_neighbours(CLOUD, CLOUD)
    assert not kernels._broken


def test_what_a_kernel_that_has_run_raises_is_raised(monkeypatch):
    class LoweringError(Exception):
        pass

    def fail(*arguments):
        raise error

    ops.nearest_neighbours(CLOUD, CLOUD)
    load, error = kernels._load, RuntimeError("the device is gone")
    monkeypatch.setattr(kernels, "_load", lambda kernel: fail if kernel.backend == "numba" else load(kernel))
    with pytest.raises(RuntimeError, match="gone"):
        ops.nearest_neighbours(CLOUD, CLOUD)
    assert not kernels._broken
    # Another layout of memory is compiled later.
    LoweringError.__module__, error = "numba.core.errors", LoweringError("no such instruction")
    with pytest.warns(UserWarning, match="does not compile"):
        ops.nearest_neighbours(CLOUD, CLOUD)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_pytorchs_and_leaves_the_kernel_to_the_others(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ops.nearest_neighbours(CLOUD.to(dtype), CLOUD.to(dtype))
    assert found.shape == (1, 9, 1)
    assert f"no kernels for {dtype}" in choose("nearest_neighbours", CPU, dtype).reason
    assert choose("nearest_neighbours", CPU).kernel.backend == "numba"


def test_a_kernel_runs_on_the_gpu_of_its_first_tensor(monkeypatch):
    """Triton asks nothing but which one is current."""
    current = []

    @contextmanager
    def device_of(tensor):
        current.append(tensor)
        yield
        current.clear()

    load = kernels._load
    seen = []

    def spy(kernel):
        return lambda *arguments: (seen.append([*current]), load(kernel)(*arguments))[1]

    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    monkeypatch.setattr(kernels, "_load", spy)
    cloud = torch.rand(1, 9, 3)
    kernels.run("nearest_neighbours", cloud, cloud, 1)
    assert len(seen) == 1
    assert seen[0][0] is cloud


@pytest.mark.parametrize("backend", ["numba", "triton"])
def test_a_kernel_that_fails_leaves_to_its_twin_a_total_as_it_was(monkeypatch, backend):
    def fail(*_, **__):
        raise RuntimeError("no such instruction")

    kernel = kernels._registered["extremes_backward"][backend]
    pytest.importorskip(backend)
    module = importlib.import_module(kernel.module)
    broken = fail if backend == "numba" else defaultdict(lambda: fail)
    monkeypatch.setattr(module, "_extremes_to_weight", broken)
    monkeypatch.setenv("KG_KERNELS", backend)
    rows, index = torch.rand(3, 4, 5), torch.randint(4, (3, 6), dtype=torch.int32)
    pull, weight, total = torch.rand(3, 6), torch.rand(6, 5), torch.rand(3, 4, 5)
    expected = total.clone()
    torch_kernels.extremes_backward(expected, rows, index, pull, weight)
    with pytest.warns(UserWarning, match="extremes_backward: it does not compile"):
        kernels.run("extremes_backward", total, rows, index, pull, weight)
    assert torch.equal(total, expected)


def test_a_module_that_does_not_load_is_given_up(monkeypatch):
    def load(kernel):
        if kernel.backend == "numba":
            raise OSError("broken LLVM")

    monkeypatch.setattr(kernels, "_load", load)
    with pytest.warns(UserWarning, match="broken LLVM") as caught:
        assert {choose(name, CPU).kernel.backend for name in kernels.operations()} == {"torch"}
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (("ball_query", "cuda", "kg.ops.cuda_kernels"), "no backend 'cuda'"),
        (("ball_query", "numba", "kg.ops.torch_kernels"), "no module of numba's"),
        (("ball_query", "numba", "kg.ops.numba_kernels"), "already"),
        (("unheard_of", "numba", "kg.ops.numba_kernels"), "no plain PyTorch version"),
    ],
)
def test_what_does_not_belong_does_not_register(monkeypatch, kernel, message):
    monkeypatch.setattr(kernels, "_registered", {name: dict(v) for name, v in kernels._registered.items()})
    with pytest.raises(ValueError, match=message):
        register(Kernel(*kernel))


def test_a_kernel_that_takes_other_arguments_than_its_twin_does_not_load(monkeypatch):
    from kg.ops import numba_kernels

    monkeypatch.setattr(numba_kernels, "moments", lambda rows, more: None)
    with pytest.raises(TypeError, match="other arguments"):
        kernels._load(kernels._registered["moments"]["numba"])
