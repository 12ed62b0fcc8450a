"""A packet is opened again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings
from kg.sim.deformation import perform
from kg_deformations.fold import PAUSE, Crease, Fold, carry

PACKING = 1.2
"""Seconds in which each fold is made, before the sequence begins."""
STILL, LEAST = 0.01, 10
"""Metres: what a fold moved by no more stayed where it was; so many vertices at least tell where that is."""


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
                still = np.linalg.norm(garment.positions - before, axis=1) < STILL
                made.append(_Made(crease, still, garment.positions.copy()))

        perform(garment, hands())
        garment.known["folds"] = made

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of each fold that is opened, the last first."""
        folds = garment.known["folds"][::-1][: self.opened]
        each = self.seconds / len(folds)
        for number, made in enumerate(folds):
            back = made.opened(garment)
            taken = [
                vertex for hand in back.hands for vertex in garment.grasp(hand) if not made.still[vertex]
            ]
            start, end = number * each, (number + 1 - PAUSE) * each
            yield (number + 1) * each, [carry(garment, back, start, end, np.unique(taken))]


@dataclass(frozen=True, eq=False)
class _Made:
    """A fold as it was made.

    Attributes:
        crease: Its crease.
        still: (V,) bool, what stayed where it was.
        after: (V, 3) where all lay then.
    """

    crease: Crease
    still: NDArray[np.bool_]
    after: NDArray[np.float64]

    def opened(self, garment: Garment) -> Crease:
        """Return the fold that undoes it, by what lies farthest from the crease of what it carried over."""
        point, normal = self.crease.point, -self.crease.normal
        if self.still.sum() >= LEAST:
            # The rotation and shift, seen from above, that fit best what stayed still then.
            was, now = (some[self.still, :2] for some in (self.after, garment.positions))
            left, _, right = np.linalg.svd((was - was.mean(axis=0)).T @ (now - now.mean(axis=0)))
            turn = left @ np.diag([1.0, np.sign(np.linalg.det(left @ right))]) @ right
            point, normal = (point - was.mean(axis=0)) @ turn + now.mean(axis=0), normal @ turn
        beside = np.array([-normal[1], normal[0]])
        return Crease(
            point, normal, [garment.corner(normal + along * beside, ~self.still) for along in (-1, 1)]
        )
