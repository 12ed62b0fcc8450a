"""A garment lies there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kg.sim import Deformation, Garment, Grip


@dataclass(frozen=True)
class Lie(Deformation):
    """A garment lies on the ground, and nobody touches it."""

    name: ClassVar[str] = "lie"
    seconds: float = 0.5
    yaw: float = 180.0
    back: float = 0.5

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield nothing: no hand holds it."""
        yield from ()
