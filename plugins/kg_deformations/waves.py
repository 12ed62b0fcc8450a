"""Smooth random fields, for what cloth does of itself where nothing simulates it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

WAVES = 5
"""Waves that make up a random field, of lengths drawn between the shortest and the longest, metres."""
SHORTEST, LONGEST = 0.08, 0.5


@dataclass(frozen=True, eq=False)
class Waves:
    """A smooth random field over the plane.

    Attributes:
        waves: (WAVES, 2) radians a metre.
        phases: (WAVES,) radians.
    """

    waves: Points
    phases: Points

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Waves":
        """Return a field of waves in all directions."""
        lengths = SHORTEST * (LONGEST / SHORTEST) ** rng.random(WAVES)
        angles = rng.uniform(0, 2 * np.pi, WAVES)
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return cls(directions * (2 * np.pi / lengths)[:, None], rng.uniform(0, 2 * np.pi, WAVES))

    def at(self, positions: Points) -> Points:
        """Return its values (V,) at places (V, 2 or 3): of mean 0 and a standard deviation of about 1."""
        sines = np.sin(positions[:, :2] @ self.waves.T + self.phases)
        values: Points = sines.sum(axis=1) * np.sqrt(2 / WAVES)
        return values
