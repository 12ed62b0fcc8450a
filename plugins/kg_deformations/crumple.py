"""A garment is dropped into a heap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings, eased
from kg.sim.hands import lifted

Points = NDArray[np.float64]

RISING = 0.45
"""Share of the time of each throw in which the hand rises; in the rest the garment falls."""


@dataclass(frozen=True)
class Crumple(Deformation):
    """A lying garment is lifted by a random point and let go, once or several times.

    Attributes:
        least, most: How often; drawn evenly.
        lowest, highest: Metres to which the hand rises; drawn evenly.
    """

    name: ClassVar[str] = "crumple"
    cloth: ClassVar[Settings] = Settings(slack=0.06)
    some: ClassVar[tuple[str, ...]] = ("seconds", "least")
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("least", "most"), ("lowest", "highest"))
    seconds: float = 3.0
    yaw: float = 180.0
    back: float = 0.5
    frames_by: Literal["time", "motion"] = "motion"
    least: int = 1
    most: int = 1
    lowest: float = 0.4
    highest: float = 0.8

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grip of each throw."""
        times = int(rng.integers(self.least, self.most + 1))
        each = self.seconds / times
        for number in range(times):
            start, rising = number * each, RISING * each
            way = _up(start, rising, rng.uniform(self.lowest, self.highest))
            held = int(rng.integers(len(garment.positions)))
            yield start + each, [lifted(garment, held, way, start, start + rising)]


def _up(start: float, rising: float, height: float) -> Callable[[float], Points]:
    """Return the way of a hand that rises to a height from its start on, for so many seconds."""
    return lambda time: np.array([0.0, 0.0, height * eased((time - start) / rising)])
