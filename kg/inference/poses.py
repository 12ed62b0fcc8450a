"""How clouds lie: an axis that is up, and turns that are tried where nobody knows how they lie."""

from typing import Literal

import torch
from torch import Tensor

from kg.model.turns import Search, all_around, tilts

Up = Literal["x", "y", "z", "-x", "-y", "-z"]

TURNS = {
    "x": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-x": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
}
"""Rotations that bring an axis to z by the shortest way."""


def rotations(up: Up, search: Search) -> Tensor:
    """Return the rotations (H, 3, 3) of which one brings clouds to lie as in training, the likeliest first.

    Args:
        up: The axis of the clouds that is to become z.
        search: "none": nothing else is turned; "yaw": any turn about the vertical is possible; "sides": what
            faced up may face down as well; "tilts": tilted forwards, backwards or to a side.
    """
    first = torch.tensor(TURNS[up], dtype=torch.float32)
    if search == "none":
        return first[None]
    if search == "tilts":
        return tilts() @ first
    return all_around(sides=search == "sides") @ first
