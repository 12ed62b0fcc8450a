"""Ways between the places of a template as a checkpoint keeps them: one byte for each pair."""

import torch
from torch import Tensor

STEPS = 255


def pack(ways: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ways of each pair of places, (C, M (M - 1) / 2) uint8, and how long a step of them is, (C,).

    A way is rounded to the 255th part of the longest of its template, 0.2 to 0.3 % of the box's diagonal.

    Args:
        ways: (C, M, M), as long there as back.
    """
    first, second = torch.triu_indices(ways.shape[1], ways.shape[1], 1)
    pairs = ways[:, first, second].float()
    step = (pairs.amax(1) / STEPS).clamp(min=1e-12)
    return (pairs / step[:, None]).round().to(torch.uint8), step


def unpack(pairs: Tensor, step: Tensor, places: int) -> Tensor:
    """Return ways (C, M, M) of M places that were packed, in half precision.

    Args:
        pairs: (C, M (M - 1) / 2).
        step: (C,).
        places: M.
    """
    first, second = torch.triu_indices(places, places, 1)
    ways = torch.zeros(len(pairs), places, places, dtype=torch.float16)
    ways[:, first, second] = (pairs.float() * step.float()[:, None]).half()
    return ways + ways.mT
