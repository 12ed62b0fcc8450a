"""What a run ran on, so that its results can be explained later."""

import importlib.metadata
import os
import platform
import sys
from typing import Any

import torch

from kg.devices import describe
from kg.ops.kernels import choose, operations

PACKAGES = ("kg", "torch", "numpy", "numba", "triton", "h5py", "open3d", "open3d-cpu", "pyvista", "typer")


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter, those that are installed."""
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def environment(device: torch.device) -> dict[str, Any]:
    """Return versions, machine, device, the kernels in use and the command, as plain values."""
    return {
        "versions": {"python": platform.python_version(), **versions()},
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "device": describe(device),
        "kernels": {name: choose(name, device).kernel.backend for name in operations()},
        "command": " ".join(["kg", *sys.argv[1:]]),
    }
