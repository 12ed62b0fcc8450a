"""With how many digits matrices are multiplied."""

import warnings
from functools import cache
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return a context in which layers multiply matrices with this precision.

    In bf16 they round to 8 bits and sum in float32: twice the speed or more where the hardware knows it,
    many times slower elsewhere. Searches, moments, coordinates, the last layers and losses stay in float32.
    """
    if precision == "bf16" and device.type == "cpu":
        _check_cpu()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def fast_type(kind: str) -> torch.dtype:
    """Return in what to multiply matrices where 8 bits are enough: bfloat16, where it is no slower.

    Args:
        kind: Of the device, "cpu" or "cuda".
    """
    known = torch.cuda.is_bf16_supported() if kind == "cuda" else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if known else torch.float32


@cache
def _check_cpu() -> None:
    """Warn, once, where each product of a bf16 matrix is computed without the hardware's help."""
    if fast_type("cpu") != torch.bfloat16:
        warnings.warn(
            "This CPU does not multiply in bf16, which makes it many times slower; use --precision fp32.",
            stacklevel=4,
        )


def full_precision(device: torch.device) -> torch.autocast:
    """Return a context within `autocast` in which all is float32."""
    return torch.autocast(device.type, enabled=False)
