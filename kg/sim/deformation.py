"""What every deformation has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError
from kg.sim.garment import Garment
from kg.sim.settings import Settings
from kg.sim.simulation import Grip

Points = NDArray[np.float64]

LAID = ([2, 1, 0], [0, 2, 1], [0, 1, 2])
"""Axes that become x, y and -z (z, if that is the last) where the first is thin, the second, or the last."""

LATE = 0.035
"""Share of a sequence by which a hand may come late, at the next frame: it starts so gently that this hardly
shows, and 16 frames or 30 and more are made of whole steps, whatever the number of folds."""


@dataclass(frozen=True)
class Deformation(ABC):
    """A way to deform a garment; its fields are the user's options.

    Register a subclass, a frozen dataclass whose fields all have defaults, in the entry-point group
    `kg.deformations`. The first sentence of its docstring is what `kg list deformations` says of it, and
    under "Attributes:" stands what its options mean, which `kg prepare --set help` shows.

    Class attributes:
        name: As typed on the command line; equal to the entry point's name.
        cloth: Settings of its cloth, unless the user has others.
        some: Options that are above 0; the others may be 0.
        ranges: Options that are the lowest and highest of what is drawn.

    Attributes:
        seconds: Length of a sequence.

    Raises:
        KgError: A value is negative or not finite, nothing where there must be something, or a range's
            lowest is above its highest.
    """

    name: ClassVar[str]
    cloth: ClassVar[Settings] = Settings()
    some: ClassVar[tuple[str, ...]] = ("seconds",)
    ranges: ClassVar[tuple[tuple[str, str], ...]] = ()
    seconds: float = 3.0

    def __post_init__(self) -> None:
        for name in (option.name for option in fields(self)):
            value, more = getattr(self, name), name in self.some
            if not 0 <= value < inf or (more and value == 0):
                raise KgError(
                    f"A {self.name} needs {name} {'above' if more else 'of at least'} 0, not {value}."
                )
        for low, high in self.ranges:
            if getattr(self, low) > getattr(self, high):
                raise KgError(f"A {self.name} needs {low} of at most {high}, {getattr(self, high)}.")

    @abstractmethod
    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Bring the garment to where the sequence begins."""

    @abstractmethod
    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield what the hands do, as (until when, their grips), each when the one before is over.

        Times are seconds since `begin` was through.
        """

    def frames(self, garment: Garment, count: int, rng: np.random.Generator) -> Iterator[Points]:
        """Yield the vertices (V, 3) of so many frames, the first of them before anything moved.

        Hands do the same however many frames there are; they come late by `LATE` of the sequence at most.
        """
        simulation = garment.simulation
        self.begin(garment, rng)
        simulation.time = 0.0
        hands = self.grips(garment, rng)
        until, grips = next(hands, (np.inf, []))
        for frame in range(count):
            if frame:
                left = self.seconds / (count - 1)
                while simulation.time + left > until + LATE * self.seconds:
                    left -= until - simulation.time
                    simulation.advance(until - simulation.time, grips)
                    until, grips = next(hands, (np.inf, []))
                simulation.advance(left, grips)
            while simulation.time >= until - 1e-9:
                until, grips = next(hands, (np.inf, []))
            yield simulation.positions.copy()


def lay_down(garment: Garment, seconds: float) -> None:
    """Let a garment sink to the ground and lie there, its flattest side down.

    What stands with y up lies with y along the ground, as patterns do.

    Args:
        garment: To be laid, in any pose along the axes that does not pass through itself.
        seconds: How long it is given.
    """
    simulation = garment.simulation
    simulation.settle()
    positions = simulation.positions
    positions -= (positions.min(axis=0) + positions.max(axis=0)) / 2
    thin = int(np.ptp(positions, axis=0).argmin())
    positions[:] = positions[:, LAID[thin]] * ([1, 1, 1] if thin == 2 else [1, 1, -1])
    positions[:, 2] += simulation.thickness / 2 - positions[:, 2].min()
    simulation.advance(seconds)
    simulation.velocities[:] = 0


def eased(share: float) -> float:
    """Return how far a hand is that starts and stops gently, of a share of its time from 0 to 1."""
    share = min(1.0, max(0.0, share))
    return share**3 * (10 + share * (6 * share - 15))
