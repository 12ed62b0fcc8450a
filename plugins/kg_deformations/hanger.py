"""A garment is laid over a bar."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from kg.sim import Bar, Deformation, Garment, Grip, Settings
from kg.sim.hands import led

LIFTED, OVER, DOWN, HELD = 0.35, 0.55, 0.85, 0.88
"""Shares of the sequence after which hands are up, beyond the bar, down behind it, and let go."""
BEFORE, BEHIND, ABOVE = 0.15, 0.1, 0.08
"""Metres: from the garment to the bar, how far hands go beyond it, and how far above it."""


@dataclass(frozen=True)
class Hanger(Deformation):
    """Two hands lift a lying garment by one side, lead it over a rigid bar, as of a hanger, and let it hang.

    Attributes:
        least, most: Share of its mass that hangs down behind the bar; drawn evenly.
        narrowest, widest: Length of the bar, as a share of the garment's width; drawn evenly.
        radius: Of the bar, metres.
        bar_friction: Coulomb coefficient of cloth on the bar, as on wood. Pulled over a rougher one, cloth
            is stretched by half; from a smoother one it slides.
        clear: Metres between the ground and what hangs lowest.
    """

    name: ClassVar[str] = "hanger"
    # What hangs over a bar is pressed on itself, and has to follow the hands all the same. Steps are as short
    # as those of `hang`.
    cloth: ClassVar[Settings] = Settings(step=1 / 1250, rounds=3, together=True)
    some: ClassVar[tuple[str, ...]] = ("seconds", "narrowest", "radius", "bar_friction")
    shares: ClassVar[tuple[str, ...]] = ("most",)
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("least", "most"), ("narrowest", "widest"))
    seconds: float = 5.0
    yaw: float = 180.0
    back: float = 0.5
    frames_by: Literal["time", "motion"] = "motion"
    least: float = 0.4
    most: float = 0.6
    narrowest: float = 0.6
    widest: float = 1.4
    radius: float = 0.02
    bar_friction: float = 0.45
    clear: float = 0.1

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Put the bar up and yield the grips of both hands."""
        seen = garment.positions[:, :2]
        over, across = np.zeros(2), np.zeros(2)
        axis = int(rng.integers(2))
        over[axis], across[1 - axis] = rng.choice([-1, 1]), 1.0
        length, width = np.ptp(seen, axis=0)[[axis, 1 - axis]]
        everything = np.ones(len(seen), dtype=np.bool_)
        hands = [garment.corner(over + along * across, everything) for along in (-1, 1)]

        share, areas = rng.uniform(self.least, self.most), garment.simulation.cloth.areas
        order = np.argsort(-seen @ over)
        last = order[min(int(np.searchsorted(areas[order].cumsum(), share * areas.sum())), len(order) - 1)]
        behind = float((seen @ over).max() - seen[last] @ over)
        height = max(behind, length - behind) + self.clear + self.radius
        at = float((seen @ over).max()) + BEFORE
        middle = float((seen @ across).min() + (seen @ across).max()) / 2
        half = rng.uniform(self.narrowest, self.widest) * width / 2
        start, end = (np.append(at * over + (middle + side * half) * across, height) for side in (-1, 1))
        garment.simulation.bars = (Bar(start, end, self.radius, self.bar_friction),)

        top = height + self.radius + ABOVE
        times = [0.0, *(part * self.seconds for part in (LIFTED, OVER, DOWN))]
        grips = []
        for hand in hands:
            beside = float(seen[hand] @ across) * across
            # Where a side is round, or has sleeves, some of what goes over lies beyond the hand.
            down = max(0.0, behind - float((seen @ over).max() - seen[hand] @ over))
            places = [
                np.append(float(seen[hand] @ over) * over + beside, top),
                np.append((at + BEHIND) * over + beside, top),
                np.append((at + self.radius + BEHIND / 2) * over + beside, height - down),
            ]
            grips.append(led(garment, hand, places, times, HELD * self.seconds))
        yield HELD * self.seconds, grips
