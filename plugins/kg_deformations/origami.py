"""A garment is folded like paper: by geometry alone, without simulation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kg.sim import Garment, State, eased
from kg.sim.deformation import laid
from kg_deformations.fold import MISSED, PAUSE, Crease, Fold
from kg_deformations.waves import Waves

Points = NDArray[np.float64]

PROFILE = 256
"""Points of the curve that a flap follows over its crease."""
NEAR = 1.6
"""What lies within so many edges of a place, seen from above, is above or below it."""
SOFT = 0.03
"""Metres from a crease over which a flap comes down to what it lies on."""


@dataclass(frozen=True)
class Origami(Fold):
    """A lying garment is folded like paper, without simulation: a frame costs no more than its cloud.

    The creases are those of `fold`. A flap turns over its crease on an arc and comes down on what lies below.
    Ripples and a little shear stand for what cloth does of itself. Layers keep their order, but nothing keeps
    them from touching.

    Attributes:
        style: As of `fold`; straight: over lines anywhere along or across the garment, as people fold in a
            hurry; any: in any direction too, for what nobody folded on purpose.
        ripple: Height of the ripples of the garment with the highest, metres.
        loft: Gap between the layers of a lying garment, of the one with the widest, metres.
        bend: Radius of the crease that is bent the least, metres.
        shear: How much a garment is stretched and sheared, as a standard deviation.
        slip: How far what a fold carries lands beside its place, as a standard deviation, metres.
    """

    name: ClassVar[str] = "origami"
    simulated: ClassVar[bool] = False
    style: Literal["halves", "middle", "straight", "any"] = "halves"  # type: ignore[assignment]
    ripple: float = 0.012
    loft: float = 0.02
    bend: float = 0.02
    shear: float = 0.02
    slip: float = 0.006

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Lay the garment flat, its layers a little apart."""
        thickness = garment.simulation.thickness
        flat = laid(garment.positions)
        if rng.random() < self.back:
            flat *= [-1, 1, -1]
        height = flat[:, 2] - flat[:, 2].min()
        gap = thickness + self.loft * rng.random() ** 2
        flat[:, 2] = thickness / 2 + gap * height / max(float(height.max()), 1e-9)
        flat[:, :2] @= np.eye(2) + self.shear * rng.normal(size=(2, 2))
        garment.positions[:] = flat

    def moments(
        self, garment: Garment, times: NDArray[np.float64], rng: np.random.Generator
    ) -> Iterator[State]:
        """Yield what is at times that ascend, fold by fold."""
        ripples, height = Waves.drawn(rng), self.ripple * rng.random()
        folds = self.creases(garment, rng)
        number, count, crease = next(folds)
        flap = _Flap.of(garment, crease, self, rng)
        for time in times.tolist():
            each = self.seconds / count
            while time > (number + 1) * each + 1e-9:
                garment.positions[:] = flap.at(1.0)
                number, count, crease = next(folds)
                flap = _Flap.of(garment, crease, self, rng)
            positions = flap.at(eased((time / each - number) / (1 - PAUSE)))
            # The ground ripples, as it were: all layers are lifted at once.
            positions[:, 2] += height * np.maximum(0.0, ripples.at(positions))
            yield State(positions, time)

    def creases(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[int, int, Crease]]:
        """Yield each fold, as (its number, of how many, its crease), when the one before is over."""
        if self.style not in ("straight", "any"):
            yield from super().creases(garment, rng)
            return
        count = int(rng.integers(1, self.folds + 1))
        for number in range(count):
            angle = rng.uniform(0, 2 * np.pi)
            if self.style == "straight":
                angle = np.pi / 2 * np.floor(angle / (np.pi / 2)) + MISSED * self.sloppiness * rng.normal()
            normal = np.array([np.cos(angle), np.sin(angle)])
            across = garment.positions[:, :2] @ normal
            # No more than half of it is carried over.
            at = np.quantile(across, rng.uniform(0.5, 0.98))
            yield number, count, Crease(at * normal, normal, [])


@dataclass(frozen=True, eq=False)
class _Flap:
    """What one crease carries over.

    Attributes:
        positions: (V, 3) before the fold.
        crease: Where.
        moves: (V,) what is carried.
        ground: Height of what lies on the ground.
        axis: Height of the axis that the flap turns about.
        radius: Of the bend that stays at the crease.
        sinks: (V,) by how much of what is carried sinks in the end, to lie on what is below.
        slips: (V, 2) how far it lands beside its place.
    """

    positions: Points
    crease: Crease
    moves: NDArray[np.bool_]
    ground: float
    axis: float
    radius: float
    sinks: Points
    slips: Points

    @classmethod
    def of(cls, garment: Garment, crease: Crease, how: Origami, rng: np.random.Generator) -> "_Flap":
        """Return what a crease carries over of a garment as it lies now."""
        positions, thickness = garment.positions.copy(), garment.simulation.thickness
        across = (positions[:, :2] - crease.point) @ crease.normal
        moves = across > 0
        axis = float(positions[:, 2].max()) + thickness / 2
        radius = thickness / 2 + how.bend * rng.random() ** 2
        away = 1 - np.exp(-np.maximum(0.0, across) / SOFT)
        waves = [Waves.drawn(rng).at(positions) for _ in range(2)]
        slips = how.slip * away[:, None] * np.stack(waves, axis=1)
        flap = cls(positions, crease, moves, thickness / 2, axis, radius, np.zeros(len(positions)), slips)
        if not moves.any() or moves.all():
            return flap
        over = flap.at(1.0)
        near = NEAR * garment.simulation.cloth.edge
        lowest = -_highest(over[moves] * [1, 1, -1], over[moves, :2], near)
        support = np.maximum(0.0, _highest(over[~moves], over[moves, :2], near))
        gap = rng.uniform(0.6, 1) * np.maximum(0.0, lowest - support - thickness) * away[moves]
        sinks = np.zeros(len(positions))
        sinks[moves] = _smoothed(gap, over[moves, :2], near)
        return replace(flap, sinks=sinks)

    def at(self, share: float) -> Points:
        """Return the vertices (V, 3) when so much of the fold is done, from 0 to 1."""
        placed = self.positions.copy()
        if share <= 0 or not self.moves.any():
            return placed
        normal = self.crease.normal
        across = (placed[self.moves, :2] - self.crease.point) @ normal
        side, height, angle = self._profile(share, across)
        offset = placed[self.moves, 2] - self.axis
        placed[self.moves, :2] += (side - np.sin(angle) * offset - across)[:, None] * normal
        placed[self.moves, 2] = self.axis + height + np.cos(angle) * offset
        placed[:, 2] = np.maximum(placed[:, 2] - share**4 * self.sinks, self.ground)
        placed[:, :2] += share * self.slips
        return placed

    def _profile(self, share: float, across: Points) -> tuple[Points, Points, Points]:
        """Return where the cloth is that lies so far from the crease: to the side, up, and its slope."""
        far = float(across.max())
        bend = max(np.pi * self.radius, far * (1 - share))
        along = np.linspace(0, max(far, bend), PROFILE)
        slope = np.pi * share * np.minimum(1.0, along / bend)
        step = along[1]
        side = np.concatenate([[0.0], np.cumsum((np.cos(slope[1:]) + np.cos(slope[:-1])) / 2 * step)])
        height = np.concatenate([[0.0], np.cumsum((np.sin(slope[1:]) + np.sin(slope[:-1])) / 2 * step)])
        return (
            np.interp(across, along, side),
            np.interp(across, along, height),
            np.interp(across, along, slope),
        )


def _highest(points: Points, places: Points, near: float) -> Points:
    """Return how high points (n, 3) are near places (m, 2), seen from above; minus infinity where none is."""
    heights = points[:, 2]
    neighbours = cKDTree(points[:, :2]).query_ball_point(places, near)
    return np.array([heights[some].max() if some else -np.inf for some in neighbours])


def _smoothed(values: Points, places: Points, near: float) -> Points:
    """Return the means of values (n,) over what lies near each place (n, 2)."""
    neighbours = cKDTree(places).query_ball_point(places, 2 * near)
    return np.array([values[some].mean() for some in neighbours])
