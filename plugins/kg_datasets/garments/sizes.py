"""The sizes of a garment, and the ranges that they are drawn from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from kg_datasets.garments.half import Half
from kg_datasets.garments.joining import join
from kg_datasets.garments.pattern import EDGE, Pattern

ASYMMETRY = 0.015
"""A sided size differs between left and right by up to this share of it, either way."""


def drawn(low: float, high: float, *, sided: bool = False) -> Any:
    """Declare a size that is drawn evenly from a range; a sided one differs from left to right."""
    return field(metadata={"range": (low, high), "sided": sided})


@dataclass(frozen=True)
class Sizes(ABC):
    """The sizes of one garment of a category, in metres unless said otherwise.

    Widths are of the garment lying flat, half of the way around it.

    Class attributes:
        edge: Length aimed at for the edges of the mesh.
    """

    edge: ClassVar[float] = EDGE

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Return sizes drawn from the category's ranges."""
        return cls(**{item.name: float(rng.uniform(*item.metadata["range"])) for item in fields(cls)})

    @classmethod
    def middle(cls) -> Self:
        """Return the sizes in the middle of their ranges."""
        return cls(**{item.name: sum(item.metadata["range"]) / 2 for item in fields(cls)})

    @abstractmethod
    def half(self) -> Half:
        """Return the half on the wearer's left."""

    def pattern(self, rng: np.random.Generator | None = None) -> Pattern:
        """Return the whole pattern: its right half a little different, or without `rng` the same."""
        left = self.half()
        return join(left, left if rng is None else self._other_side(rng).half(), self.edge)

    def _other_side(self, rng: np.random.Generator) -> Self:
        changed = {
            item.name: getattr(self, item.name) * (1 + rng.uniform(-ASYMMETRY, ASYMMETRY))
            for item in fields(self)
            if item.metadata["sided"]
        }
        return replace(self, **changed)
