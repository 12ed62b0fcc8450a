"""What computes an operation that has several versions, and how users choose: KG_KERNELS, or `--kernels`."""

import os
from typing import Literal, get_args

from kg.errors import unknown_name

BackendChoice = Literal["auto", "triton", "numba", "torch"]
CHOICES = get_args(BackendChoice)
PREFERENCE = CHOICES[1:]
"""Backends, the fastest first, each where it runs."""


def forced_backend() -> str:
    """Return what KG_KERNELS says, one of `CHOICES`; "auto" by default.

    Raises:
        KgError: It names no backend.
    """
    name = os.environ.get("KG_KERNELS") or "auto"
    if name not in CHOICES:
        raise unknown_name("kernel backend (KG_KERNELS, --kernels)", name, CHOICES)
    return name
