"""A garment is dragged over the ground."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings, eased

Points = NDArray[np.float64]

BORDER = 0.7
"""A hand takes cloth by what lies so far or farther from its middle, as a share of the farthest."""
HELD = 0.85
"""Share of the sequence after which the hand lets go."""


@dataclass(frozen=True)
class Drag(Deformation):
    """A hand takes a lying garment somewhere, lifts it a little and pulls it along a winding path.

    Attributes:
        shortest, longest: Metres that the hand goes; drawn evenly.
        lift: Metres to which it rises at most.
        turns: Times that it changes its direction.
        winding: Most degrees of each such change.
    """

    name: ClassVar[str] = "drag"
    # A hand that pulls a whole garment, and bunches it, stretches it by a tenth in one round.
    cloth: ClassVar[Settings] = Settings(rounds=3)
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("shortest", "longest"),)
    seconds: float = 3.0
    shortest: float = 0.5
    longest: float = 1.2
    lift: float = 0.2
    turns: int = 2
    winding: float = 120.0

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the one grip."""
        seen = garment.positions[:, :2] - garment.positions[:, :2].mean(axis=0)
        away = np.linalg.norm(seen, axis=1)
        hand = int(rng.choice(np.flatnonzero(away >= BORDER * away.max())))
        vertices = garment.grasp(hand)
        until = HELD * self.seconds
        path = self._path(rng)
        start = garment.positions[vertices]

        def at(time: float) -> Points:
            return start + path(eased(time / until))

        yield until, [Grip(vertices, at, 0.0, until, (hand,))]

    def _path(self, rng: np.random.Generator) -> Callable[[float], Points]:
        """Return where the hand is, (3,) from where it began, at a share of its way."""
        heading = rng.uniform(0, 2 * np.pi) + np.radians(self.winding) * np.concatenate(
            [[0.0], rng.uniform(-1, 1, self.turns).cumsum()]
        )
        shares = np.linspace(0, 1, 201)
        # Its heading changes smoothly from one to the next.
        angle = np.interp(shares, np.linspace(0, 1, len(heading)), heading)
        length = rng.uniform(self.shortest, self.longest) / 200
        steps = length * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        way = np.concatenate([np.zeros((1, 2)), steps[1:].cumsum(axis=0)])
        lift = self.lift * rng.random()

        def at(share: float) -> Points:
            x, y = (np.interp(share, shares, way[:, axis]) for axis in (0, 1))
            return np.array([x, y, lift * np.sin(np.pi * min(share, 0.5))])

        return at
