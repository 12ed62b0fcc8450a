"""A garment is folded, as a person would."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.sim import Deformation, Garment, Grip, Settings, eased
from kg.sim.hands import CAUGHT

Points = NDArray[np.float64]

PAUSE = 0.2
"""Share of the time of each fold that is left to the cloth alone."""
ARC = 0.75
"""Height of a hand's way over a crease, as a share of a half circle's."""
SIDES = ("left", "right")
SLEEVED = ("armpit", "cuff top", "cuff underside")
"""Landmarks on either side of a garment with sleeves."""
LONG = 0.4
"""A sleeve longer than this share of the width between the armpits is folded by itself."""
TWICE = 0.2
"""Metres: what is shorter makes a pile after one fold that another would not hold."""
INWARDS = 0.2
"""So much inwards for each unit down."""
NARROWER = 0.12
"""The crease of a sleeve lies so far inside the armpit, as a share of that width."""


STICKS_OUT = 0.06
"""A sleeve that sticks out by more than this share of the width, and an edge, is turned in."""
MISSED = 4.0
"""Radians that a crease is turned by for a share of the size that it misses its place by."""
BANDS, USUAL = 24, 0.4
"""Bands across a garment, and the share of them that are no wider than its body."""

Recipe = list[Callable[["Garment"], "Crease"]]


@dataclass(frozen=True, eq=False)
class Crease:
    """One fold: what lies on one side of a line is carried over to the other.

    Attributes:
        point: (2,) on the line, seen from above.
        normal: (2,) unit vector across it, towards the side that is carried.
        hands: Vertices that the hands take.
    """

    point: Points
    normal: Points
    hands: list[int]


@dataclass(frozen=True)
class Fold(Deformation):
    """A lying garment is folded by hands that carry its edges over, one fold after another.

    Long sleeves are turned in and down and the rest is folded in half. Trousers are folded leg on leg. What
    is long is folded along, then in half; anything else in half one way or the other. Which way, which
    sleeve is first and which half is carried is drawn.

    Attributes:
        style: halves: as above; middle: sleeves turned in, both sides to the middle, then in half along, as
            shirts lie in a shop. It takes more seconds.
        folds: At most so many of them; no recipe has more than 3. Both sleeves, or both sides, are one.
        sloppiness: How far a crease and a hand miss their place: standard deviation as a share of the
            garment's size.
    """

    name: ClassVar[str] = "fold"
    # In a packet most of what comes near are edges, of layers that vertices and triangles keep apart already.
    cloth: ClassVar[Settings] = Settings(edge_thickness=0.1)
    some: ClassVar[tuple[str, ...]] = ("seconds", "folds")
    later: ClassVar[tuple[str, ...]] = ("style",)
    seconds: float = 4.0
    style: Literal["halves", "middle"] = "halves"
    folds: int = 3
    sloppiness: float = 0.015

    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield the grips of each fold."""
        for until, _, grip in self.carried(garment, rng):
            yield until, [grip]

    def carried(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, Crease, Grip]]:
        """Yield each fold, as (until when, its crease, its grip), when the one before is over."""
        for number, count, crease in self.creases(garment, rng):
            each = self.seconds / count
            start, end = number * each, (number + 1 - PAUSE) * each
            grip = carry(garment, crease, start, end)
            if self.style == "middle":
                grip = replace(grip, lets_go=CAUGHT)
            yield (number + 1) * each, crease, grip

    def creases(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[int, int, Crease]]:
        """Yield each fold, as (its number, of how many, its crease), when the one before is over."""
        if self.style == "middle":
            folds = [fold for step in to_the_middle(garment, rng)[: self.folds] for fold in step]
        else:
            folds = recipe(garment, rng)[: self.folds]
        size = float(np.ptp(garment.positions[:, :2], axis=0).max())
        for number, fold in enumerate(folds):
            yield number, len(folds), self._missed(fold(garment), size, rng)

    def _missed(self, crease: Crease, size: float, rng: np.random.Generator) -> Crease:
        shift, turn = self.sloppiness * rng.normal(size=2)
        cos, sin = np.cos(MISSED * turn), np.sin(MISSED * turn)
        normal = np.array([[cos, -sin], [sin, cos]]) @ crease.normal
        return Crease(crease.point + shift * size * normal, normal, crease.hands)


def recipe(garment: Garment, rng: np.random.Generator) -> Recipe:
    """Return the folds of a garment, each to be asked for its crease when its turn comes."""
    extents = np.ptp(garment.positions[:, :2], axis=0)
    if all(has_long_sleeve(garment, side) for side in SIDES):
        sleeves = [sleeve(side) for side in rng.permutation(SIDES).tolist()]
        return [*sleeves, half(1, rng.choice([-1, 1]), between=("left armpit", "right armpit"))]
    longer, sides = int(extents.argmax()), rng.choice([-1, 1], 2)
    if "crotch" in garment.places:
        longer = 1  # Legs are laid on each other, however short they are.
    if extents[longer] > TWICE:
        return [half(1 - longer, sides[0]), half(longer, sides[1])]
    return [half(0 if "crotch" in garment.places else int(rng.integers(2)), sides[0])]


def to_the_middle(garment: Garment, rng: np.random.Generator) -> list[Recipe]:
    """Return the folds of a garment as it lies in a shop: sleeves, then both sides, then in half along."""
    sides = rng.permutation(SIDES).tolist()
    low, high = body(garment)
    seen = garment.positions[:, :2]
    out = {"left": float(seen[:, 0].max()) - high, "right": low - float(seen[:, 0].min())}
    sleeves: Recipe = []
    for name in sides:
        if has_long_sleeve(garment, name):
            sleeves.append(sleeve(name))
        elif out[name] > STICKS_OUT * (high - low) + garment.simulation.cloth.edge:
            sleeves.append(beyond(high if name == "left" else low, 1 if name == "left" else -1))
    quarter = (high - low) / 4
    inwards = [beyond(high - quarter, 1) if name == "left" else beyond(low + quarter, -1) for name in sides]
    along = [half(1, int(rng.choice([-1, 1])))]
    return [step for step in (sleeves, inwards if high - low > TWICE else [], along) if step]


def body(garment: Garment) -> tuple[float, float]:
    """Return between which x a garment lies without its sleeves, its left at larger x.

    With armpits, that is between them. Otherwise most of its height is body, and what is wider are sleeves.
    """
    if garment.places.keys() >= {"left armpit", "right armpit"}:
        ends = [float(garment.flat(f"{side} armpit")[0]) for side in SIDES]
        return min(ends), max(ends)
    x, y = garment.positions[:, 0], garment.positions[:, 1]
    band = np.minimum(BANDS * (y - y.min()) / max(float(np.ptp(y)), 1e-9), BANDS - 1).astype(np.int64)
    there = np.unique(band)
    low = np.sort([x[band == number].min() for number in there])[::-1]
    high = np.sort([x[band == number].max() for number in there])
    at = int(USUAL * (len(there) - 1))
    return float(low[at]), float(high[at])


def beyond(x: float, side: int) -> Callable[[Garment], Crease]:
    """Return the fold that turns in what lies beyond an x, to its larger side (1) or its smaller one (-1).

    Where the folds before have dragged all of that away, its edge is turned in.
    """

    def crease(garment: Garment) -> Crease:
        normal = np.array([float(side), 0.0])
        across = side * garment.positions[:, 0]
        at = min(side * x, across.max() - garment.simulation.cloth.edge)
        hands = [garment.corner(normal + along * normal[::-1], across > at) for along in (-1, 1)]
        return Crease(at * normal, normal, hands)

    return crease


def has_long_sleeve(garment: Garment, side: str) -> bool:
    """Tell whether a garment has a sleeve on a side that is long enough to be folded by itself."""
    if not garment.places.keys() >= {f"{side} {place}" for place in SLEEVED for side in SIDES}:
        return False
    armpit, cuff = (garment.flat(f"{side} {place}") for place in ("armpit", "cuff underside"))
    return float(np.linalg.norm(cuff - armpit)) > LONG * _width(garment)


def half(axis: int, side: int, between: tuple[str, ...] = ()) -> Callable[[Garment], Crease]:
    """Return the fold in half of an axis.

    Args:
        axis: 0 for x, 1 for y.
        side: Which half is carried, that of larger values (1) or of smaller ones (-1).
        between: Landmarks beyond whose x, either way, hands take nothing.
    """

    def crease(garment: Garment) -> Crease:
        seen = garment.positions[:, :2]
        normal = np.zeros(2)
        normal[axis] = side
        limits = [garment.flat(name)[0] for name in between] or [-np.inf, np.inf]
        within = (seen[:, 0] >= min(limits)) & (seen[:, 0] <= max(limits))
        hands = [garment.corner(normal + along * normal[::-1], within) for along in (-1, 1)]
        return Crease((seen.min(axis=0) + seen.max(axis=0)) / 2, normal, hands)

    return crease


def sleeve(side: str) -> Callable[[Garment], Crease]:
    """Return the fold that turns a long sleeve in and down."""

    def crease(garment: Garment) -> Crease:
        armpit = garment.flat(f"{side} armpit")
        hands = [garment.places[f"{side} cuff {end}"] for end in ("top", "underside")]
        along = (garment.flat(hands[0]) + garment.flat(hands[1])) / 2 - armpit
        other = garment.flat(f"{'left' if side == 'right' else 'right'} armpit")
        out = np.array([np.sign(armpit[0] - other[0]), 0.0])
        down = np.array([-INWARDS * out[0], -1.0])
        normal = along / np.linalg.norm(along) - down / np.linalg.norm(down)
        normal /= np.linalg.norm(normal)
        return Crease(armpit - NARROWER * _width(garment) * out, normal, hands)

    return crease


def _width(garment: Garment) -> float:
    return float(np.linalg.norm(garment.flat("left armpit") - garment.flat("right armpit")))


def carry(garment: Garment, crease: Crease, start: float, end: float) -> Grip:
    """Return the grip of hands that go over a crease in an arc and turn over on their way, as one."""
    # What stays behind the crease would be carried into the ground: by a hand as wide as half of a tie, or at
    # an end of it that does not reach the crease.
    beyond_it = (garment.positions[:, :2] - crease.point) @ crease.normal > 0
    hands = [hand for hand in crease.hands if beyond_it[hand]] or crease.hands
    vertices = np.unique(np.concatenate([garment.grasp(hand) for hand in hands]))
    vertices = vertices[beyond_it[vertices] | np.isin(vertices, hands)]
    held = garment.positions[vertices]
    centre = held.mean(axis=0)
    away = float((centre[:2] - crease.point) @ crease.normal)
    normal, up = np.append(crease.normal, 0.0), np.array([0.0, 0.0, 1.0])
    offsets = held - centre
    across, height = offsets @ normal, offsets @ up
    beside = offsets - np.outer(across, normal) - np.outer(height, up)

    # It lands on what lies there already, and the bend around that takes some of the cloth's length.
    landing = held[:, :2] - 2 * np.outer((held[:, :2] - crease.point) @ crease.normal, crease.normal)
    pile = garment.top(landing, vertices) + garment.simulation.thickness
    rise = pile + height.max() - centre[2]
    short = min(pile + np.ptp(height), away / 2)

    def at(time: float) -> Points:
        angle = np.pi * eased((time - start) / (end - start))
        cos, sin = np.cos(angle), np.sin(angle)
        done = (1 - cos) / 2
        middle = centre + (away * (cos - 1) + short * done) * normal + (ARC * away * sin + rise * done) * up
        turned = (across * cos - height * sin)[:, None] * normal + (across * sin + height * cos)[:, None] * up
        places: Points = middle + beside + turned
        return places

    return Grip(vertices, at, start, end, tuple(hands))
