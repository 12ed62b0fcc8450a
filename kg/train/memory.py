"""What a training takes of the memory, before it takes it."""

import torch

from kg.config import Config
from kg.devices import usable_memory
from kg.errors import KgError
from kg.model.making import make_detector

BYTES = 16
"""A weight in training: itself, its gradient and what the optimizer keeps, twice, as float32."""


def require_memory(config: Config, device: torch.device) -> None:
    """Refuse a training whose weights alone do not fit into the memory.

    A detector with a skeleton has an edge between any two keypoints, and weights for each.

    Raises:
        KgError: They do not; says how much they would take.
    """
    try:
        # Shapes without content: the largest network takes nothing.
        with torch.device("meta"):
            model = make_detector(config.model, config.train)
    except Exception:
        # Of a plugin that looks into its weights, or that is refused when it is made in earnest.
        return
    weights = sum(each.numel() for each in model.parameters())
    needed, there = BYTES * weights, usable_memory(device)
    if needed > there:
        keypoints = config.model.keypoints
        raise KgError(
            f"A {config.model.detector} of {keypoints:,} keypoints has {weights:,} weights, whose training "
            f"takes {needed / 1e9:,.1f} GB of memory at least; {there / 1e9:,.1f} GB are there.",
            "Ask for fewer keypoints: --keypoints",
        )
