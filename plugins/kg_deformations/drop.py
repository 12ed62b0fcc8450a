"""A garment falls to the ground."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Drop(Deformation):
    """A garment falls from a random height, turned in any direction and spinning a little.

    Attributes:
        lowest, highest: Metres between the ground and its lowest point at first; drawn evenly.
        spin: Most turning speed, rad/s.
    """

    name: ClassVar[str] = "drop"
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("lowest", "highest"),)
    seconds: float = 2.0
    lowest: float = 0.1
    highest: float = 0.6
    spin: float = 3.0

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Turn it and lift it."""
        simulation = garment.simulation
        simulation.settle()
        positions = simulation.positions
        positions -= positions.mean(axis=0)
        positions[:] = positions @ _rotation(rng)
        axis = rng.normal(size=3)
        axis *= self.spin * rng.random() / np.linalg.norm(axis)
        simulation.velocities[:] = np.cross(axis, positions)
        positions[:, 2] += rng.uniform(self.lowest, self.highest) - positions[:, 2].min()

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield nothing: no hand holds it."""
        yield from ()


def _rotation(rng: np.random.Generator) -> Points:
    """Return a rotation (3, 3), every one as likely."""
    w, x, y, z = rng.normal(size=4)
    norm = w * w + x * x + y * y + z * z
    turn = [
        [-y * y - z * z, x * y - w * z, x * z + w * y],
        [x * y + w * z, -x * x - z * z, y * z - w * x],
        [x * z - w * y, y * z + w * x, -x * x - y * y],
    ]
    rotation: Points = np.eye(3) + 2 / norm * np.array(turn)
    return rotation
