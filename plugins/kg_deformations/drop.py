"""A garment falls to the ground."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, eased
from kg.sim.deformation import perform
from kg.sim.hands import lifted

Points = NDArray[np.float64]

BEGINNINGS = ("flat", "heap", "hand")
"""How a drop may begin."""
LIFTED, HANGS, FALLS = 1.0, 1.5, 1.0
"""Seconds after which a hand is above, after which it lets go, and that a heap to be has to fall."""


@dataclass(frozen=True)
class Drop(Deformation):
    """A garment falls from a random height, turned in any direction and spinning a little.

    Attributes:
        begins: flat: in the air, flat. heap: in the air, in the heap that an earlier drop has made. hand:
            hanging from a hand, not turned. any: any of them.
        lowest, highest: Metres between the ground and its lowest point at first; drawn evenly.
        spin: Most turning speed, rad/s.
    """

    name: ClassVar[str] = "drop"
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("lowest", "highest"),)
    later: ClassVar[tuple[str, ...]] = ("begins",)
    seconds: float = 2.0
    begins: Literal["flat", "heap", "hand", "any"] = "flat"
    lowest: float = 0.1
    highest: float = 0.6
    spin: float = 3.0

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Turn it and lift it, or have a hand do it."""
        begins = str(rng.choice(BEGINNINGS)) if self.begins == "any" else self.begins
        if begins == "flat":
            garment.simulation.settle()
        else:
            self.lie(garment, rng)
            perform(garment, self._held(garment, rng, falls=begins == "heap"))
        if begins != "hand":
            self._throw(garment, rng)

    def _held(
        self, garment: Garment, rng: np.random.Generator, *, falls: bool
    ) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grip of a hand that lifts it off the ground by any point, and time to fall if it does."""
        hand = int(rng.integers(len(garment.positions)))
        seen = garment.positions[:, :2]
        hangs = float(np.linalg.norm(seen - seen[hand], axis=1).max())
        up = np.array([0.0, 0.0, hangs + rng.uniform(self.lowest, self.highest)])
        yield HANGS, [lifted(garment, hand, lambda time: eased(time / LIFTED) * up, 0.0, HANGS)]
        if falls:
            yield HANGS + FALLS, []

    def _throw(self, garment: Garment, rng: np.random.Generator) -> None:
        """Turn it, lift it and let it spin."""
        simulation = garment.simulation
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
