"""A garment that hangs by its shoulders blows in the wind: by geometry alone, without simulation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, State
from kg.sim.deformation import laid
from kg_deformations.filling import filled
from kg_deformations.waves import Waves

Points = NDArray[np.float64]

LEAST_DEPTH = 0.1
"""Of a garment that blows the flattest, as a share of its depth at rest."""
HEM, SHOULDER = 0.25, 0.1
"""The body is as wide as the lowest quarter; beyond it sleeves bend within 10 cm."""
RAISED = 0.3
"""Sleeves are raised by so much of what they hang at most."""
FLUTTER = np.radians(25)
"""By how much waves that run down a garment tilt it, as a standard deviation."""


@dataclass(frozen=True)
class Billow(Deformation):
    """A garment is worn, or held by its shoulders in the wind, without simulation.

    It swings between hanging and blowing level, its back to the wind. Waves run down it, its sleeves hang,
    and it is more or less full, of air or of a body: with level=15 it is as people wear it.

    Attributes:
        level: Degrees that its hem is lifted by at most, from hanging; 90 is level.
        curl: Degrees by which its hem is lifted more than its shoulders, or less, as a standard deviation.
        fill: Of a garment that is the fullest, as a share of what makes sleeves, legs and bodies round.
        droop: Degrees that sleeves hang lower than at rest, at most.
        flutter: Height of the waves across it, as a standard deviation, metres.
    """

    name: ClassVar[str] = "billow"
    simulated: ClassVar[bool] = False
    shares: ClassVar[tuple[str, ...]] = ("fill",)
    level: float = 110.0
    curl: float = 25.0
    fill: float = 1.0
    droop: float = 50.0
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
        ground = garment.simulation.thickness / 2
        empty = _drooped(garment.positions, np.radians(self.droop) * rng.uniform(-RAISED, 1))
        full = filled(empty, garment.simulation.cloth.faces, self.fill)
        # Half of them are empty, and pressed flat more or less.
        fullness = rng.uniform(-1, 1) + np.array([0.0, 0.5]) * rng.uniform(-1, 1)
        ends = np.radians(self.level) * rng.random(2)
        curl = np.radians(self.curl) * rng.normal(size=2)
        tilt, across = Waves.drawn(rng), Waves.drawn(rng)
        down = empty[:, 1].max() - empty[:, 1]
        far = max(float(down.max()), 1e-9)
        along = np.linspace(0, far, 128)
        for time in times.tolist():
            share = time / self.seconds
            more = fullness[0] + (fullness[1] - fullness[0]) * share
            flat = empty + np.clip(more, 0, 1) * (full - empty)
            flat[:, 2] *= LEAST_DEPTH ** np.clip(-more, 0, 1)
            lean = (
                ends[0] + (ends[1] - ends[0]) * share + (curl[0] + (curl[1] - curl[0]) * share) * along / far
            )
            # Waves run down: where they were at the shoulders they are further down later.
            lean += FLUTTER * along / far * tilt.at(np.stack([along - time * far, 0 * along], axis=1))
            step = along[1]
            middle = np.stack([-np.sin(lean), -np.cos(lean)], axis=1) * step
            curve = np.concatenate([np.zeros((1, 2)), np.cumsum((middle[1:] + middle[:-1]) / 2, axis=0)])
            angle = np.interp(down, along, lean)
            seen = np.stack([empty[:, 0], down - time * far], axis=1)
            out = flat[:, 2] + self.flutter * down / far * across.at(seen)
            placed = flat.copy()
            placed[:, 1] = np.interp(down, along, curve[:, 0]) - np.cos(angle) * out
            placed[:, 2] = np.interp(down, along, curve[:, 1]) + np.sin(angle) * out
            placed[:, 2] += ground - placed[:, 2].min()
            yield State(placed, time)


def _drooped(flat: Points, angle: float) -> Points:
    """Return a garment (V, 3) whose sleeves hang lower by an angle: what is wider than its hem bends down."""
    middle = (flat[:, 0].min() + flat[:, 0].max()) / 2
    side, height = flat[:, 0] - middle, flat[:, 1] - flat[:, 1].min()
    body = np.abs(side[height <= HEM * height.max()]).max()
    beyond = np.abs(side) > body
    if not beyond.any():
        return flat.copy()
    far = np.linspace(0, float(np.abs(side).max()) - body, 128)
    turns = angle * np.clip(far / SHOULDER, 0, 1)
    out, down = (
        np.concatenate([[0.0], np.cumsum((way[1:] + way[:-1]) / 2 * far[1])])
        for way in (np.cos(turns), np.sin(turns))
    )
    away = np.maximum(np.abs(side) - body, 0)
    turn = np.interp(away, far, turns)
    # The shoulder stays as it is; what lies below it comes nearer.
    below = flat[:, 1] - flat[beyond, 1].max()
    placed = flat.copy()
    placed[:, 0] = middle + np.sign(side) * (
        np.minimum(np.abs(side), body) + np.interp(away, far, out) + np.sin(turn) * below
    )
    placed[:, 1] += np.where(beyond, (np.cos(turn) - 1) * below - np.interp(away, far, down), 0.0)
    return placed
