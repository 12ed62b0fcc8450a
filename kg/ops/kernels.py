"""Which version of an operation runs: plain PyTorch anywhere, numba on the CPU.

`KG_KERNELS` (or `--kernels`) forces one: `auto` (default), `torch`, `numba`.
"""

import importlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from kg.errors import unknown_name

OPERATIONS = (
    "farthest_point_sample",
    "ball_query",
    "nearest_neighbours",
    "moments",
    "affine_relu",
    "affine_relu_sums",
    "affine_relu_backward",
    "group_extremes",
    "group_backward",
)
CHOICES = ("auto", "torch", "numba")


@dataclass(frozen=True)
class Kernel:
    """A version of an operation: where it comes from and why it was chosen."""

    operation: str
    backend: str
    reason: str
    run: Callable[..., Any]


@cache
def _numba_problem() -> str:
    """Return why the numba kernels cannot be used, or nothing."""
    try:
        importlib.import_module("kg.ops.numba_kernels")
    except Exception as error:  # a broken LLVM raises whatever it likes
        problem = f"{type(error).__name__}: {error}"
        warnings.warn(f"The numba kernels do not load, PyTorch's are used ({problem}).", stacklevel=2)
        return problem
    return ""


def choose(operation: str, device: torch.device) -> Kernel:
    """Return the version of an operation that runs on a device.

    Raises:
        KgError: `KG_KERNELS` names no backend.
    """
    wanted = os.environ.get("KG_KERNELS") or "auto"
    if wanted not in CHOICES:
        raise unknown_name("kernel backend (KG_KERNELS, --kernels)", wanted, CHOICES)
    if wanted == "torch":
        return _make(operation, "torch", "asked for")
    if device.type != "cpu":
        return _make(operation, "torch", f"numba has no kernels for {device.type}")
    if problem := _numba_problem():
        return _make(operation, "torch", f"numba does not load: {problem}")
    return _make(operation, "numba", "asked for" if wanted == "numba" else "fastest on the CPU")


def _make(operation: str, backend: str, reason: str) -> Kernel:
    module = importlib.import_module(f"kg.ops.{backend}_kernels")
    return Kernel(operation, backend, reason, getattr(module, operation))
