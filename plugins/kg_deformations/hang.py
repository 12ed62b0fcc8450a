"""A garment is picked up and hangs from a hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings, eased
from kg.sim.hands import lifted

Points = NDArray[np.float64]

RISING = 0.6
"""Share of the sequence in which hands rise; in the rest they carry the garment, or hold it still."""
NEARER = 0.85
"""Two hands come so near to each other, as a share of how far apart they took hold: cloth hangs between."""


@dataclass(frozen=True)
class Hang(Deformation):
    """A lying garment is lifted off the ground by one hand or two, and carried while it hangs.

    Attributes:
        two: Share of the sequences in which a second hand takes what is farthest from the first.
        clear: Metres between the ground and what hangs lowest, about.
        carry: Most metres that it is carried sideways, any way.
    """

    name: ClassVar[str] = "hang"
    # What is long and narrow, as a tie, is stretched by its weight in longer ones.
    cloth: ClassVar[Settings] = Settings(step=1 / 1250)
    some: ClassVar[tuple[str, ...]] = ("seconds", "clear")
    shares: ClassVar[tuple[str, ...]] = ("two",)
    seconds: float = 4.0
    yaw: float = 180.0
    back: float = 0.5
    frames_by: Literal["time", "motion"] = "motion"
    two: float = 0.3
    clear: float = 0.1
    carry: float = 0.4

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of all hands, which never let go."""
        seen = garment.positions[:, :2]
        first = int(rng.integers(len(seen)))
        hands = [first]
        if rng.random() < self.two:
            hands.append(int(np.linalg.norm(seen - seen[first], axis=1).argmax()))
        away = np.min([np.linalg.norm(seen - seen[hand], axis=1) for hand in hands], axis=0)
        height = float(away.max()) + self.clear
        middle = np.append(seen[hands].mean(axis=0), 0.0)
        heading, far = 2 * np.pi * rng.random(), self.carry * rng.random()
        sideways = far * np.array([np.cos(heading), np.sin(heading), 0.0])
        grips = []
        for hand in hands:
            inwards = (1 - NEARER) * (middle - garment.positions[hand]) * [1, 1, 0]
            way = self._way(np.array([0.0, 0.0, height]) + inwards, sideways)
            grips.append(lifted(garment, hand, way, 0.0, np.inf))
        yield np.inf, grips

    def _way(self, up: Points, sideways: Points) -> Callable[[float], Points]:
        """Return the way of a hand that goes up, then sideways, each (3,) metres."""
        rising = RISING * self.seconds
        return lambda time: (
            eased(time / rising) * up + eased((time - rising) / (self.seconds - rising)) * sideways
        )
