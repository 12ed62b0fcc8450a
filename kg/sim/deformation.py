"""What every deformation has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from math import inf
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError
from kg.sim.garment import Garment
from kg.sim.grips import Grip
from kg.sim.settings import Settings
from kg.sim.simulation import Simulation

Points = NDArray[np.float64]

LAID = ([2, 1, 0], [0, 2, 1], [0, 1, 2])
"""Axes that become x, y and -z (z, if that is the last) where the first is thin, the second, or the last."""

Fabric = Literal["default", "any", "silk", "jersey", "cotton", "linen", "wool", "denim"]
"""What `fabric` can be; `kg.sim.fabrics` says what each is like."""

TICK = 1 / 50
"""Seconds that are simulated at once at most, and between the moments of which frames by motion are some."""


@dataclass(frozen=True, eq=False)
class State:
    """A garment in motion at one moment, and the hands that hold it.

    Attributes:
        positions: (V, 3) metres.
        time: Seconds since the sequence began.
        hands: (H, 3) metres, where the hands are that hold something now; none by default.
        held: (H,) the vertex that each has closed on.
        bars: Rigid bars in the way, as (start, end, radius), metres.
    """

    positions: Points
    time: float
    hands: Points = field(default_factory=lambda: np.zeros((0, 3)))
    held: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    bars: tuple[tuple[Points, Points, float], ...] = ()


@dataclass(frozen=True)
class Deformation(ABC):
    """A way to deform a garment; its fields are the user's options.

    Register a subclass, a frozen dataclass whose fields all have defaults, in the entry-point group
    `kg.deformations`. The first sentence of its docstring is what `kg list deformations` says of it, and
    under "Attributes:" stands what its options mean, which `kg prepare --set help` shows.

    Class attributes:
        name: As typed on the command line; equal to the entry point's name.
        cloth: Settings of its cloth, unless the user has others.
        simulated: Whether it is simulated, as all motions of the mix `all` are, or made by geometry alone.
        some: Options that are above 0; the others may be 0.
        shares: Options that are at most 1. A subclass names its own alone.
        ranges: Options that are the lowest and highest of what is drawn.
        later: Options that are recorded only where they are not as by default: stores that were made before
            there were any are known again. A subclass names its own alone.

    Attributes:
        seconds: Length of a sequence.
        yaw: Most degrees by which a sequence is turned about the vertical, either way; 180 for any heading.
        back: Share of the sequences in which a lying garment begins with its back up.
        frames_by: How frames are chosen: at even times, or so that as much moves between any two of them.
        fabric: What the cloth is made of, its values drawn anew for each sequence; any for any of them.
            What --set gives stays as it is.
        proportions: Most by which a garment is made wider or narrower, longer or shorter before it moves, as
            a share: what is learnt from then has more shapes than the meshes.

    Raises:
        KgError: A value is negative or not finite, nothing where there must be something, a share above 1,
            or a range's lowest is above its highest.
    """

    name: ClassVar[str]
    cloth: ClassVar[Settings] = Settings()
    simulated: ClassVar[bool] = True
    some: ClassVar[tuple[str, ...]] = ("seconds",)
    shares: ClassVar[tuple[str, ...]] = ("back", "proportions")
    ranges: ClassVar[tuple[tuple[str, str], ...]] = ()
    later: ClassVar[tuple[str, ...]] = ("fabric", "proportions")
    seconds: float = 3.0
    yaw: float = 0.0
    back: float = 0.0
    frames_by: Literal["time", "motion"] = "time"
    fabric: Fabric = "default"
    proportions: float = 0.0

    def __post_init__(self) -> None:
        for name in (option.name for option in fields(self)):
            value, more = getattr(self, name), name in self.some
            if isinstance(value, str):
                continue
            if not 0 <= value < inf or (more and value == 0):
                raise KgError(
                    f"A {self.name} needs {name} {'above' if more else 'of at least'} 0, not {value}."
                )
        for name in every(type(self), "shares"):
            if getattr(self, name) > 1:
                raise KgError(f"A {self.name} needs {name} of at most 1, not {getattr(self, name)}.")
        for low, high in self.ranges:
            if getattr(self, low) > getattr(self, high):
                raise KgError(f"A {self.name} needs {low} of at most {high}, {getattr(self, high)}.")

    def begin(self, garment: Garment, rng: np.random.Generator) -> None:
        """Bring the garment to where the sequence begins: on the ground, by default."""
        self.lie(garment, rng)

    @abstractmethod
    def grips(self, garment: Garment, rng: np.random.Generator) -> Iterator[tuple[float, list[Grip]]]:
        """Yield what the hands do, as (until when, their grips), each when the one before is over.

        Times are seconds since `begin` was through.
        """

    def lie(self, garment: Garment, rng: np.random.Generator, seconds: float = 0.5) -> None:
        """Lay a garment down for so long, in some of the sequences with its back up."""
        lay_down(garment, seconds, back=bool(rng.random() < self.back))

    def frames(self, garment: Garment, count: int, rng: np.random.Generator) -> Iterator[Points]:
        """Yield the vertices (V, 3) of so many frames: those of `states`."""
        for state in self.states(garment, count, rng):
            yield state.positions

    def states(self, garment: Garment, count: int, rng: np.random.Generator) -> Iterator[State]:
        """Yield so many moments of a sequence, the first of them before anything moved.

        Hands do the same however many there are. Simulated is what the garment's pattern is aligned with;
        all of it is turned as `yaw` says.
        """
        angle = np.radians(self.yaw) * rng.uniform(-1, 1)
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        self.begin(garment, rng)
        garment.simulation.time = 0.0
        if self.frames_by == "time":
            for state in self.moments(garment, np.linspace(0, self.seconds, count), rng):
                yield _turned(state, turn)
            return
        ticks = max(count, round(self.seconds / TICK) + 1)
        moments = list(self.moments(garment, np.linspace(0, self.seconds, ticks), rng))
        for number in evenly_moved([state.positions for state in moments], count):
            yield _turned(moments[number], turn)

    def moments(
        self, garment: Garment, times: NDArray[np.float64], rng: np.random.Generator
    ) -> Iterator[State]:
        """Yield what is at times that ascend, with hands that come in time between them."""
        simulation = garment.simulation
        hands = self.grips(garment, rng)
        until, grips = next(hands, (np.inf, []))
        for time in times.tolist():
            while until < time - 1e-9:
                _go_on(simulation, until, grips)
                until, grips = next(hands, (np.inf, []))
            _go_on(simulation, time, grips)
            yield _state(simulation, grips)


def every(kind: type, what: str) -> set[str]:
    """Return the options that a class and those above it name, each its own, as `shares` or `later`."""
    return {name for each in kind.__mro__ for name in vars(each).get(what, ())}


def _state(simulation: Simulation, grips: Sequence[Grip]) -> State:
    """Return what is now, of which grips hold."""
    holding = simulation.held_by(grips)
    return State(
        simulation.positions.copy(),
        simulation.time,
        np.concatenate([np.zeros((0, 3)), *(hold.closed_at(simulation.time) for hold in holding)]),
        np.array([hand for hold in holding for hand in hold.hands], dtype=np.int64),
        tuple((bar.start, bar.end, bar.radius) for bar in simulation.bars),
    )


def _turned(state: State, turn: Points) -> State:
    """Return a state turned by a matrix (3, 3) on its right."""
    return State(
        state.positions @ turn,
        state.time,
        state.hands @ turn,
        state.held,
        tuple((start @ turn, end @ turn, radius) for start, end, radius in state.bars),
    )


def perform(garment: Garment, hands: Iterator[tuple[float, list[Grip]]]) -> list[Grip]:
    """Let hands do all that they do, their times from now on, and return what they held."""
    simulation = garment.simulation
    simulation.time = 0.0
    held = []
    for until, grips in hands:
        held += grips
        _go_on(simulation, until, grips)
    return held


def _go_on(simulation: Simulation, until: float, grips: Sequence[Grip]) -> None:
    """Let time go on, a tick at a time: the steps of each are as short as its fastest hand wants them."""
    while until - simulation.time > 1e-9:
        simulation.advance(min(TICK, until - simulation.time), grips)


def evenly_moved(moments: Sequence[Points], count: int) -> NDArray[np.int64]:
    """Return which of so many moments (V, 3) to keep, (count,) ascending, that as much moves between any two.

    What counts is the mean way of the vertices. The first and the last are among them.
    """
    ways = [np.linalg.norm(after - before, axis=1).mean() for before, after in pairwise(moments)]
    gone = np.concatenate([[0.0], np.cumsum(ways)])
    # Where hardly anything moves, time counts, so little that it is seen nowhere else.
    gone += np.linspace(0, 1e-6 + 1e-3 * gone[-1], len(gone))
    numbers = np.searchsorted(gone, np.linspace(0, gone[-1], count) - 1e-12)
    each = np.arange(count)
    numbers = np.maximum.accumulate(numbers - each) + each
    kept: NDArray[np.int64] = np.minimum(numbers, len(moments) - count + each)
    return kept


def laid(positions: Points) -> Points:
    """Return vertices (V, 3) around the origin, turned so that their flattest side is down and z is up."""
    middle = (positions.min(axis=0) + positions.max(axis=0)) / 2
    thin = int(np.ptp(positions, axis=0).argmin())
    turned: Points = (positions - middle)[:, LAID[thin]] * ([1, 1, 1] if thin == 2 else [1, 1, -1])
    return turned


def lay_down(garment: Garment, seconds: float, *, back: bool = False) -> None:
    """Let a garment sink to the ground and lie there, its flattest side down.

    What stands with y up lies with y along the ground, as patterns do.

    Args:
        garment: To be laid, in any pose along the axes that does not pass through itself.
        seconds: How long it is given.
        back: Whether its back comes up, and its left to the right.
    """
    simulation = garment.simulation
    simulation.settle()
    positions = simulation.positions
    positions[:] = laid(positions)
    if back:
        positions *= [-1, 1, -1]
    positions[:, 2] += simulation.thickness / 2 - positions[:, 2].min()
    simulation.advance(seconds)
    simulation.velocities[:] = 0


def eased(share: float) -> float:
    """Return how far a hand is that starts and stops gently, of a share of its time from 0 to 1."""
    share = min(1.0, max(0.0, share))
    return share**3 * (10 + share * (6 * share - 15))
