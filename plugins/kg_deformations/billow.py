"""A garment that hangs by its shoulders blows in the wind: by geometry alone, without simulation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, State
from kg.sim.deformation import laid
from kg_deformations.waves import Waves

Points = NDArray[np.float64]

LEAST_DEPTH = 0.1
"""Of a garment that blows the flattest, as a share of its depth at rest."""
FLUTTER = np.radians(25)
"""By how much waves that run down a garment tilt it, as a standard deviation."""


@dataclass(frozen=True)
class Billow(Deformation):
    """A garment held by its shoulders blows in the wind, without simulation.

    It swings between hanging and blowing level, its back to the wind. Waves run down it, and it is more or
    less full of air.

    Attributes:
        level: Degrees that its hem is lifted by at most, from hanging; 90 is level.
        curl: Degrees by which its hem is lifted more than its shoulders, or less, as a standard deviation.
        depth: Of a garment that is the fullest of air, as a multiple of its depth at rest.
        flutter: Height of the waves across it, as a standard deviation, metres.
    """

    name: ClassVar[str] = "billow"
    simulated: ClassVar[bool] = False
    level: float = 110.0
    curl: float = 25.0
    depth: float = 2.5
    flutter: float = 0.02

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Lay the garment out as its pattern is, its front up."""
        garment.positions[:] = laid(garment.positions)

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield nothing: what holds it is not simulated."""
        yield from ()

    def moments(
        self, garment: Garment, times: NDArray[np.float64], rng: np.random.Generator
    ) -> Iterator[State]:
        """Yield what is at times that ascend."""
        flat, ground = garment.positions.copy(), garment.simulation.thickness / 2
        flat[:, 2] *= np.exp(rng.uniform(np.log(LEAST_DEPTH), np.log(max(self.depth, LEAST_DEPTH))))
        ends = np.radians(self.level) * rng.random(2)
        curl = np.radians(self.curl) * rng.normal(size=2)
        tilt, across = Waves.drawn(rng), Waves.drawn(rng)
        down = flat[:, 1].max() - flat[:, 1]
        far = max(float(down.max()), 1e-9)
        along = np.linspace(0, far, 128)
        for time in times.tolist():
            share = time / self.seconds
            lean = (
                ends[0] + (ends[1] - ends[0]) * share + (curl[0] + (curl[1] - curl[0]) * share) * along / far
            )
            # Waves run down: where they were at the shoulders they are further down later.
            lean += FLUTTER * along / far * tilt.at(np.stack([along - time * far, 0 * along], axis=1))
            step = along[1]
            middle = np.stack([-np.sin(lean), -np.cos(lean)], axis=1) * step
            curve = np.concatenate([np.zeros((1, 2)), np.cumsum((middle[1:] + middle[:-1]) / 2, axis=0)])
            angle = np.interp(down, along, lean)
            seen = np.stack([flat[:, 0], down - time * far], axis=1)
            out = flat[:, 2] + self.flutter * down / far * across.at(seen)
            placed = flat.copy()
            placed[:, 1] = np.interp(down, along, curve[:, 0]) - np.cos(angle) * out
            placed[:, 2] = np.interp(down, along, curve[:, 1]) + np.sin(angle) * out
            placed[:, 2] += ground - placed[:, 2].min()
            yield State(placed, time)
