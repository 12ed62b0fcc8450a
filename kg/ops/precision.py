"""With how many digits matrices are multiplied."""

from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return a context in which layers multiply matrices with this precision.

    In bf16 they round to 8 bits and sum in float32: twice the speed or more where the hardware knows it,
    slower elsewhere. Searches, moments, coordinates, the last layers and losses stay in float32.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def full_precision(device: torch.device) -> torch.autocast:
    """Return a context within `autocast` in which all is float32."""
    return torch.autocast(device.type, enabled=False)
