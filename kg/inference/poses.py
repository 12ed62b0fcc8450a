"""How clouds lie: an axis that is up, and turns that are tried where nobody knows how they lie."""

from typing import Literal

import torch
from torch import Tensor

Up = Literal["x", "y", "z", "-x", "-y", "-z"]
Search = Literal["none", "yaw", "sides"]

TURNS = {
    "x": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-x": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
}
"""Rotations that bring an axis to z by the shortest way."""
TRIED = 12
"""Turns about the vertical: 30 degrees apart, so that one is within 15 of the right one."""


def rotations(up: Up, search: Search) -> Tensor:
    """Return the rotations (H, 3, 3) of which one brings clouds to lie as in training, the likeliest first.

    Args:
        up: The axis of the clouds that is to become z.
        search: "none": nothing else is turned; "yaw": any turn about the vertical is possible; "sides": what
            faced up may face down as well.
    """
    first = torch.tensor(TURNS[up], dtype=torch.float32)
    if search == "none":
        return first[None]
    angles = torch.arange(TRIED) * (2 * torch.pi / TRIED)
    zero, one = torch.zeros(TRIED), torch.ones(TRIED)
    rows = [angles.cos(), -angles.sin(), zero, angles.sin(), angles.cos(), zero, zero, zero, one]
    turns = torch.stack(rows, 1).view(TRIED, 3, 3)
    if search == "sides":
        turns = torch.cat([turns, turns * torch.tensor([1.0, -1, -1])])
    return turns @ first
