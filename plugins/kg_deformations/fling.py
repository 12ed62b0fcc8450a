"""A garment is flung open and laid down."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings
from kg.sim.deformation import perform
from kg.sim.hands import led

Points = NDArray[np.float64]

LIFTED, APART, SWUNG, DOWN, HELD = 0.2, 0.4, 0.55, 0.88, 0.92
"""Shares of the sequence after which hands are above, apart, swung forwards, down, and let go."""
TAUT = 0.96
"""Hands are so far apart, as a share of the cloth between them, which is stretched out and not pulled."""
LOW = 0.01
"""Metres above the ground to which hands go down."""
HEAPED = (0.8, 1.5, 2.0)
"""Seconds after which a heap to be hangs from both hands, is low, and lies, before the sequence begins."""
NEAR, ABOVE = 0.3, 0.25
"""How near hands come and how low they go to make a heap, as shares of what is between and below them."""


@dataclass(frozen=True)
class Fling(Deformation):
    """Two hands take a garment by two of its corners, lift it, swing it forwards and lay it down backwards.

    Attributes:
        crumpled: Share of the sequences in which it lies in a heap at first, the corners on top; else flat.
        clear: Metres between the ground and what hangs lowest, about.
        swing: Metres by which it is swung forwards.
    """

    name: ClassVar[str] = "fling"
    cloth: ClassVar[Settings] = Settings(rounds=3)
    shares: ClassVar[tuple[str, ...]] = ("crumpled",)
    seconds: float = 4.0
    yaw: float = 180.0
    back: float = 0.5
    frames_by: Literal["time", "motion"] = "motion"
    crumpled: float = 0.7
    clear: float = 0.05
    swing: float = 0.25

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Lay it down, and in some of the sequences lower it into a heap."""
        self.lie(garment, rng)
        hold = _Hold.of(garment, rng)
        garment.known["hold"] = hold
        if rng.random() < self.crumpled:
            perform(garment, self._heap(garment, hold))

    def _heap(self, garment: Garment, hold: "_Hold") -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of hands that lift it, come near each other, and let go low above the ground."""
        up = hold.length + self.clear
        middle = garment.positions[hold.hands, :2].mean(axis=0)
        beside = garment.positions[hold.hands, :2] - middle
        grips = []
        for number, hand in enumerate(hold.hands):
            high = np.append(middle + (1 + NEAR) / 2 * beside[number], up)
            low = np.append(middle + NEAR * beside[number], ABOVE * up)
            grips.append(led(garment, hand, [high, low], [0.0, *HEAPED[:2]], HEAPED[1], hold.taken[number]))
        yield HEAPED[1], grips
        yield HEAPED[2], []

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of both hands."""
        hold: _Hold = garment.known["hold"]
        now = garment.positions[hold.hands]
        middle = garment.positions[:, :2].mean(axis=0)
        across = _direction(now[1, :2] - now[0, :2], rng)
        forwards = rng.choice([-1, 1]) * np.array([-across[1], across[0]])
        up = hold.length + self.clear
        ways = [
            (middle, up),
            (middle + self.swing * forwards, up),
            (middle - (hold.length - self.swing / 2) * forwards, LOW),
        ]
        times = [share * self.seconds for share in (0.0, LIFTED, APART, SWUNG, DOWN)]
        grips = []
        for number, side in enumerate((-0.5, 0.5)):
            above = np.append(now[number, :2], max(up / 2, now[number, 2]))
            places = [np.append(flat + side * hold.apart * across, height) for flat, height in ways]
            end = HELD * self.seconds
            grips.append(led(garment, hold.hands[number], [above, *places], times, end, hold.taken[number]))
        yield HELD * self.seconds, grips


@dataclass(frozen=True, eq=False)
class _Hold:
    """Where two hands take a garment: at the ends of one of its sides.

    Attributes:
        hands: The vertices on which they close.
        taken: What each takes, of all layers.
        apart: Metres between them.
        length: Metres of what hangs below them.
    """

    hands: list[int]
    taken: list[NDArray[np.int64]]
    apart: float
    length: float

    @classmethod
    def of(cls, garment: Garment, rng: np.random.Generator) -> "_Hold":
        """Return that of a garment that lies flat."""
        seen, everything = garment.positions[:, :2], np.ones(len(garment.positions), dtype=np.bool_)
        side = np.zeros(2)
        side[int(rng.integers(2))] = rng.choice([-1, 1])
        hands = [garment.corner(side + along * side[::-1], everything) for along in (-1, 1)]
        apart = TAUT * float(np.linalg.norm(seen[hands[1]] - seen[hands[0]]))
        taken = [garment.grasp(hand) for hand in hands]
        return cls(hands, taken, apart, float(np.ptp(seen @ side)))


def _direction(way: Points, rng: np.random.Generator) -> Points:
    """Return the direction (2,) of a way, any where it is hardly one."""
    length = float(np.linalg.norm(way))
    if length > LOW:
        direction: Points = way / length
        return direction
    heading = 2 * np.pi * rng.random()
    return np.array([np.cos(heading), np.sin(heading)])
