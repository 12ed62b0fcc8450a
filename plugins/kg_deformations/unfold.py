"""A packet is opened again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings, eased
from kg.sim.deformation import perform
from kg.sim.hands import CAUGHT
from kg_deformations.fold import ARC, PAUSE, Crease, Fold

Points = NDArray[np.float64]

PACKING = 1.2
"""Seconds in which each fold is made, before the sequence begins."""
STILL, LEAST = 0.01, 10
"""Metres: what a fold moved by no more stayed where it was; so many vertices at least tell where that is."""
TAUT = (0.25, 0.06)
"""See `Grip.taut`: sooner than elsewhere, because of what is caught in a packet few edges are stretched."""


@dataclass(frozen=True)
class Unfold(Deformation):
    """A garment that was folded is opened again, the last fold first, by hands that take what they laid down.

    Attributes:
        style: How it was folded: see fold.
        folds: At most so many folds were made.
        opened: At most so many of them are opened.
        sloppiness: How far creases and hands missed their place when it was folded: see fold.
    """

    name: ClassVar[str] = "unfold"
    cloth: ClassVar[Settings] = replace(Fold.cloth, rounds=2)
    some: ClassVar[tuple[str, ...]] = ("seconds", "folds", "opened")
    seconds: float = 4.0
    yaw: float = 180.0
    back: float = 0.5
    frames_by: Literal["time", "motion"] = "motion"
    style: Literal["halves", "middle"] = "halves"
    folds: int = 3
    opened: int = 5
    sloppiness: float = 0.015

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Lay it down and fold it."""
        self.lie(garment, rng)
        steps = 5 if self.style == "middle" else self.folds
        fold = Fold(seconds=PACKING * steps, style=self.style, folds=self.folds, sloppiness=self.sloppiness)
        made: list[_Made] = []

        def hands() -> Iterator[tuple[float, list[Grip]]]:
            for until, crease, grip in fold.carried(garment, rng):
                before = garment.positions.copy()
                yield until, [grip]
                made.append(_Made(crease, grip, before, garment.positions.copy()))

        perform(garment, hands())
        garment.known["folds"] = made

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of each fold that is opened, the last first."""
        folds = garment.known["folds"][::-1][: self.opened]
        each = self.seconds / len(folds)
        for number, made in enumerate(folds):
            yield (number + 1) * each, made.opened(garment, number * each, (number + 1 - PAUSE) * each)


@dataclass(frozen=True, eq=False)
class _Made:
    """A fold as it was made.

    Attributes:
        crease: Its crease.
        grip: Of the hands that made it.
        before, after: (V, 3) where all lay.
    """

    crease: Crease
    grip: Grip
    before: Points
    after: Points

    def opened(self, garment: Garment, start: float, end: float) -> list[Grip]:
        """Return the grips that undo it: each hand brings what it held then back to where that was.

        That is beside what stayed where it was, wherever that lies now.
        """
        turn, shift = self._since(garment)
        over = np.append(-self.crease.normal @ turn, 0.0)
        there = np.column_stack([self.before[:, :2] @ turn + shift, self.before[:, 2]])
        vertices, hands = self.grip.vertices, list(self.grip.hands)
        away = np.linalg.norm(self.before[vertices, None, :2] - self.before[hands, :2], axis=2)
        grips = []
        for number, hand in enumerate(hands):
            taken = vertices[away.argmin(axis=1) == number]
            if len(taken):
                path = _turned_over(garment.positions[taken], there[taken].mean(axis=0), over, (start, end))
                grips.append(Grip(taken, path, start, end, (hand,), CAUGHT, TAUT))
        return grips

    def _since(self, garment: Garment) -> tuple[Points, Points]:
        """Return the turn (2, 2) and shift (2,), seen from above, of what stayed still, since it was made."""
        still = np.linalg.norm(self.after - self.before, axis=1) < STILL
        if still.sum() < LEAST:
            return np.eye(2), np.zeros(2)
        was, now = (some[still, :2] for some in (self.after, garment.positions))
        left, _, right = np.linalg.svd((was - was.mean(axis=0)).T @ (now - now.mean(axis=0)))
        turn = left @ np.diag([1.0, np.sign(np.linalg.det(left @ right))]) @ right
        return turn, now.mean(axis=0) - was.mean(axis=0) @ turn


def _turned_over(
    held: Points, there: Points, over: Points, times: tuple[float, float]
) -> Callable[[float], Points]:
    """Return the way of what is held (G, 3) in an arc to another place (3,), turning over on its way.

    Args:
        held: Where it is.
        there: Where the middle of it is to be.
        over: (3,) unit vector from the crease to where it is.
        times: When it begins and ends, seconds.
    """
    start, end = times
    centre, up = held.mean(axis=0), np.array([0.0, 0.0, 1.0])
    way = there - centre
    height = ARC * float(np.linalg.norm(way[:2])) / 2
    across, raised = (held - centre) @ over, (held - centre) @ up
    beside = held - centre - np.outer(across, over) - np.outer(raised, up)

    def at(time: float) -> Points:
        angle = np.pi * eased((time - start) / (end - start))
        cos, sin = np.cos(angle), np.sin(angle)
        middle = centre + (1 - cos) / 2 * way + height * sin * up
        places: Points = middle + beside + np.outer(across * cos - raised * sin, over)
        places += np.outer(across * sin + raised * cos, up)
        return places

    return at
