"""Which version of an operation runs: plain PyTorch anywhere, numba on the CPU, Triton on a GPU.

Every version is registered here by a `Kernel`, which says what it needs and where it runs. `KG_KERNELS`
(or `--kernels`) forces a backend: `auto` (default), `torch`, `numba`, `triton`. What cannot run, load or
compile is replaced by the plain PyTorch version, which is the specification of all others, with one warning;
for the dtype that it does not compile for, and no other. What a call of it raises is raised.
"""

import importlib
import importlib.util
import inspect
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from kg.devices import PREFERENCE, forced_backend


@dataclass(frozen=True)
class Kernel:
    """A version of an operation.

    Attributes:
        operation: Name of the operation, that of its twin in `torch_kernels`.
        backend: One of `PREFERENCE`.
        module: Where the function of the operation's name is; imported when it is first wanted.
        devices: Types of device that it runs on; empty for all.
        needs: The package that it is made with; None for PyTorch alone.
        dtypes: Types of number that it takes; empty for all.
        most: Points of a cloud that it can take; None for any number.

    Raises:
        ValueError: The backend is unknown, or the module is none of its own.
    """

    operation: str
    backend: str
    module: str
    devices: tuple[str, ...] = ()
    needs: str | None = None
    dtypes: tuple[torch.dtype, ...] = ()
    most: int | None = None

    def __post_init__(self) -> None:
        if self.backend not in PREFERENCE:
            raise ValueError(f"{self.operation}: no backend '{self.backend}', only {', '.join(PREFERENCE)}")
        if not self.module.startswith(f"kg.ops.{self.backend}_kernels"):
            raise ValueError(f"{self.operation}: {self.module} is no module of {self.backend}'s")
        if self.most is not None and self.most < 1:
            raise ValueError(f"{self.operation}: most must be 1 or more, not {self.most}")

    def obstacle(self, device: torch.device, dtype: torch.dtype, size: int, forced: bool) -> str:
        """Return why it does not run for clouds of `size` points on a device, or nothing.

        Triton's interpreter runs on the CPU, but only where it is `forced`.
        """
        interpreted = forced and self.backend == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
        if self.devices and device.type not in self.devices and not interpreted:
            return f"{self.backend} has no kernels for {device.type}"
        if self.needs and not _installed(self.needs):
            return f"{self.needs} is not installed"
        if self.dtypes and dtype not in self.dtypes:
            return f"{self.backend} has no kernels for {dtype}"
        if self.most is not None and size > self.most:
            return f"{self.backend}'s takes {self.most} points at most"
        if (self, None) not in _broken:
            try:
                _load(self)
            except Exception as error:  # a broken compiler raises whatever it likes
                _give_up(self, None, f"it does not load: {type(error).__name__}: {error}")
        return _broken.get((self, None)) or _broken.get((self, dtype), "")


@dataclass(frozen=True)
class Choice:
    """The version of an operation that runs, why that one, and the backend that was asked for and cannot."""

    kernel: Kernel
    reason: str
    refused: str = ""


_registered: dict[str, dict[str, Kernel]] = {}
_broken: dict[tuple[Kernel, torch.dtype | None], str] = {}
"""Why a kernel does not compile for a dtype, or, for None, does not load."""
_compiled: set[tuple[Kernel, torch.dtype]] = set()
"""Kernels that have run, and for what."""
_warned: set[str] = set()

COMPILERS = ("numba", "llvmlite", "triton")
"""Packages whose own exceptions are about compiling, or about what was compiled and cannot be launched."""
OF_CALLS = (ArithmeticError, LookupError, MemoryError, TypeError, ValueError, torch.OutOfMemoryError)
"""What is raised about what a kernel was called with, whether or not it ever ran."""


def register(kernel: Kernel) -> None:
    """Add a version of an operation.

    Raises:
        ValueError: It is there already, or the operation has no plain PyTorch version yet.
    """
    versions = _registered.setdefault(kernel.operation, {})
    if kernel.backend in versions:
        raise ValueError(f"{kernel.operation} has a {kernel.backend} version already")
    if kernel.backend != "torch" and "torch" not in versions:
        raise ValueError(f"{kernel.operation} has no plain PyTorch version to agree with")
    versions[kernel.backend] = kernel


def operations() -> tuple[str, ...]:
    """Return the name of every operation that is registered."""
    return tuple(_registered)


def backends(operation: str) -> tuple[str, ...]:
    """Return the backends that have a version of an operation."""
    return tuple(_registered[operation])


def choose(operation: str, device: torch.device, dtype: torch.dtype = torch.float32, size: int = 0) -> Choice:
    """Return the version of an operation that runs on a device, for clouds of `size` points of a dtype.

    Raises:
        KgError: `KG_KERNELS` names no backend.
    """
    versions = _registered[operation]
    forced = forced_backend()
    if forced != "auto":
        if forced not in versions:
            return Choice(versions["torch"], f"{forced} has no version of it")
        obstacle = versions[forced].obstacle(device, dtype, size, forced=True)
        if obstacle:
            return Choice(versions["torch"], obstacle, refused=forced)
        return Choice(versions[forced], "asked for")
    obstacles: list[str] = []
    for backend in PREFERENCE:
        if backend in versions:
            obstacle = versions[backend].obstacle(device, dtype, size, forced=False)
            if not obstacle:
                alone = "the only version" if len(versions) == 1 else f"fastest on the {device.type}"
                return Choice(versions[backend], "; ".join(obstacles) if backend == "torch" else alone)
            obstacles.append(obstacle)
    raise AssertionError("the plain PyTorch version runs everywhere")


def run(operation: str, *arguments: Any) -> Any:
    """Run an operation on tensors, the first of which decides where; the size is its second axis.

    A version that does not compile is given up for the plain PyTorch one, for good and with a warning.

    Raises:
        KgError: `KG_KERNELS` names no backend.
        Exception: Whatever the version that runs raises, once it is compiled.
    """
    lead: Tensor = arguments[0]
    choice = choose(operation, lead.device, lead.dtype, lead.shape[1] if lead.ndim > 1 else 0)
    if choice.refused:
        _warn(f"{choice.refused} on {lead.device.type}", f"{operation}: {choice.reason}")
    if choice.kernel.backend != "torch":
        try:
            # Triton launches on the current GPU, which need not be the one that the tensors are on.
            with torch.cuda.device_of(lead):  # type: ignore[no-untyped-call]
                result = _load(choice.kernel)(*arguments)
            _compiled.add((choice.kernel, lead.dtype))
            return result
        except Exception as error:  # it compiles on the first call
            if not _is_of_compiling(error, choice.kernel, lead.dtype):
                raise
            problem = f"it does not compile for {lead.dtype}: {type(error).__name__}: {error}"
            _give_up(choice.kernel, lead.dtype, problem)
    return _load(_registered[operation]["torch"])(*arguments)


def _is_of_compiling(error: Exception, kernel: Kernel, dtype: torch.dtype) -> bool:
    """Tell a kernel that does not compile from a call that it cannot do."""
    if type(error).__module__.partition(".")[0] in COMPILERS:
        return True
    return (kernel, dtype) not in _compiled and not isinstance(error, OF_CALLS)


def _give_up(kernel: Kernel, dtype: torch.dtype | None, problem: str) -> None:
    _broken[kernel, dtype] = problem.splitlines()[0]
    _warn(kernel.backend, f"{kernel.operation}: {_broken[kernel, dtype]}")


def _warn(key: str, problem: str) -> None:
    if key not in _warned:
        _warned.add(key)
        warnings.warn(f"Not the {key} kernel but PyTorch's is used ({problem}); see kg info.", stacklevel=3)


@cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@cache
def _load(kernel: Kernel) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(kernel.module), kernel.operation)
    twin = getattr(importlib.import_module("kg.ops.torch_kernels"), kernel.operation)
    if list(inspect.signature(function).parameters) != list(inspect.signature(twin).parameters):
        raise TypeError(f"{kernel.module}.{kernel.operation} takes other arguments than its twin")
    return function


FARTHEST_MOST = 1 << 15
"""Points whose distances fit into the registers of one block of threads."""

_TRITON_MODULES = {
    "farthest_point_sample": "farthest_point_sample",
    "ball_query": "ball_query",
    "nearest_neighbours": "nearest_neighbours",
    "neighbour_max": "neighbour_max",
    "neighbour_max_backward": "neighbour_max",
    "three_interpolate": "three_interpolate",
    "three_interpolate_backward": "three_interpolate",
    "skeleton_heatmap": "skeleton_heatmap",
    "skeleton_heatmap_backward": "skeleton_heatmap",
    "moments": "norm",
    "line": "norm",
    "through_moments": "norm",
    "affine_relu": "norm",
    "affine_relu_sums": "norm",
    "affine_relu_backward": "norm",
    "group_rows": "groups",
    "group_rows_backward": "groups",
    "group_extremes": "groups",
    "extremes_backward": "groups",
}

_VECTORS = ("line", "through_moments")
"""Operations on a few hundred numbers: PyTorch is fast enough but where each of its kernels is a launch."""

WITHOUT_TRITON = ("column_statistics",)
"""Searches that run once for a cloud: PyTorch's version is fast enough on a GPU."""

for _name in (*_TRITON_MODULES, *WITHOUT_TRITON):
    register(Kernel(_name, "torch", "kg.ops.torch_kernels"))
    if _name not in _VECTORS:
        register(
            Kernel(
                _name,
                "numba",
                "kg.ops.numba_kernels",
                devices=("cpu",),
                needs="numba",
                dtypes=(torch.float32, torch.float64),
            )
        )
    if _name in _TRITON_MODULES:
        register(
            Kernel(
                _name,
                "triton",
                f"kg.ops.triton_kernels.{_TRITON_MODULES[_name]}",
                devices=("cuda",),
                needs="triton",
                dtypes=(torch.float32,),
                most=FARTHEST_MOST if _name == "farthest_point_sample" else None,
            )
        )
