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
BESIDE = (0.4, 1.0)
"""A second hand takes cloth so far from the first at least and at most, as shares of the farthest."""
HELD = 0.85
"""Share of the sequence after which the hand lets go."""


@dataclass(frozen=True)
class Drag(Deformation):
    """A hand takes a lying garment somewhere, lifts it a little and pulls it along a winding path.

    Attributes:
        inside: Share of the sequences in which it takes the garment anywhere; else near its border.
        two: Share of the sequences in which a second hand, beside it, takes the garment as well.
        shortest, longest: Metres that the hand goes; drawn evenly.
        lift: Metres to which it rises at most.
        turns: Times that it changes its direction.
        winding: Most degrees of each such change.
    """

    name: ClassVar[str] = "drag"
    # A hand that pulls a whole garment, and bunches it, stretches it by a tenth in one round.
    # What it bunches moves as one, or it would hold the hand back.
    cloth: ClassVar[Settings] = Settings(rounds=3, together=True)
    shares: ClassVar[tuple[str, ...]] = ("inside", "two")
    ranges: ClassVar[tuple[tuple[str, str], ...]] = (("shortest", "longest"),)
    later: ClassVar[tuple[str, ...]] = ("inside", "two")
    seconds: float = 3.0
    inside: float = 0.0
    two: float = 0.0
    shortest: float = 0.5
    longest: float = 1.2
    lift: float = 0.2
    turns: int = 2
    winding: float = 120.0

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the one grip, of one hand or of two that go as one."""
        hands = self._hands(garment, rng)
        vertices = np.unique(np.concatenate([garment.grasp(hand) for hand in hands]))
        until = HELD * self.seconds
        path = self._path(rng)
        start: Points = garment.positions[vertices]

        def at(time: float) -> Points:
            return start + path(eased(time / until))

        yield until, [Grip(vertices, at, 0.0, until, tuple(hands))]

    def _hands(self, garment: Garment, rng: np.random.Generator) -> list[int]:
        """Return the vertices that the hands take; nothing is drawn of a share that is 0."""
        seen = garment.positions[:, :2] - garment.positions[:, :2].mean(axis=0)
        away = np.linalg.norm(seen, axis=1)
        anywhere = self.inside > 0 and rng.random() < self.inside
        among = np.flatnonzero(away >= (0.0 if anywhere else BORDER) * away.max())
        hands = [int(rng.choice(among))]
        if self.two > 0 and rng.random() < self.two:
            between = np.linalg.norm(seen - seen[hands[0]], axis=1)
            beside = (between > BESIDE[0] * away.max()) & (between < BESIDE[1] * away.max())
            hands.append(int(rng.choice(np.flatnonzero(beside))))
        return hands

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
