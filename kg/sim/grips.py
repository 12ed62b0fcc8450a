"""What a hand holds, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Cloth
from kg.sim.contact import lengths

Points = NDArray[np.float64]
Values = NDArray[np.float64]

HURRY = 0.3
"""m/s by which a hand is faster at most than its path, once something has kept it from there."""
BEHIND = 0.002
"""Metres that cloth in a hand may stay behind before the hand waits for it, as people do and robots whose
force is limited."""
PATIENCE = 0.05
"""Seconds that a hand waits at a time; then what is caught slips out of it, if it holds more than that."""
CATCHES_UP = 0.25
"""Seconds of waiting that a hand makes up for in each second in which nothing is caught."""
TAUT = (0.5, 0.08)
"""Share of the edges that leave a hand, and by how much they are longer than at rest, where a hand that may
let go does so: two hands would stretch what is caught between them, with all their force."""


@dataclass(frozen=True, eq=False)
class Grip:
    """Vertices that a hand holds: they go where it goes, however the cloth pulls, unless cloth is in the way.

    Attributes:
        vertices: (G,) indices.
        path: Gives their places (G, 3) at a time, seconds since the simulation began, if nothing is caught.
        start, end: When the hand takes and lets go, seconds.
        hands: Those of the vertices on which hands close, one a hand, where several go as one. Without, it is
            one hand, on the vertex in the middle of what it holds.
        lets_go: Metres from its path at which it lets go for good, of what is caught fast; or where cloth is
            taut. By default it never does.
        taut: Cloth is taut where more than the first share of the edges that leave the hand are longer than
            at rest by the second.
    """

    vertices: NDArray[np.int64]
    path: Callable[[float], Points]
    start: float
    end: float
    hands: tuple[int, ...] = ()
    lets_go: float = np.inf
    taut: tuple[float, float] = TAUT

    def holds(self, time: float) -> bool:
        """Tell whether it holds at a time."""
        return self.start <= time <= self.end

    def closed_on(self, rest: Points) -> tuple[int, ...]:
        """Return the vertex that each of its hands closes on, of cloth that lies at (V, 3) at rest."""
        if self.hands:
            return self.hands
        held = rest[self.vertices]
        return (int(self.vertices[np.linalg.norm(held - held.mean(axis=0), axis=1).argmin()]),)


class Hold:
    """A grip in a simulation: how late it is, and what of its vertices is still in the hand.

    Attributes:
        grip: As given.
        hands: The vertices that its hands close on.
        vertices: (H,) those that are still held.
        late: Seconds that it has waited and has not made up for.
        over: Whether it has let go before its time.
    """

    def __init__(self, grip: Grip, cloth: Cloth) -> None:
        self.grip, self.hands = grip, grip.closed_on(cloth.rest)
        self.vertices = grip.vertices
        self.late, self.over = 0.0, False
        self._waited = 0.0
        self._asked, self._answer = np.nan, np.zeros((0, 3))
        leaving = np.isin(cloth.edges.pairs, grip.vertices).sum(axis=1) == 1
        self._pairs, self._lengths = cloth.edges.pairs[leaving], cloth.edges.rest[leaving]

    def _path(self, time: float) -> Points:
        """Return where its path is at a time, (H, 3); it is asked for the same several times in a row."""
        if time != self._asked:
            places = self.grip.path(time)
            if len(self.vertices) < len(places):
                places = places[np.isin(self.grip.vertices, self.vertices)]
            self._asked, self._answer = time, places
        return self._answer

    def places(self, time: float) -> Points:
        """Return where they are to be at a time, (H, 3)."""
        return self._path(time - self.late)

    def closed_at(self, time: float) -> Points:
        """Return where its hands are at a time, (hands, 3)."""
        places = self.places(time)
        return np.array([places[np.flatnonzero(self.vertices == hand)[0]] for hand in self.hands])

    def carried(self, held: Points, time: float, step: float) -> Points:
        """Return where what is at (H, 3) gets in a step that ends at a time: to the path, or nearer."""
        # The end comes second: it is what is asked for next.
        start, places = self.places(time - step), self.places(time)
        ways = places - held
        shares = (lengths(places - start) + HURRY * step) / np.maximum(lengths(ways), 1e-12)
        carried: Points = held + np.minimum(1.0, shares)[:, None] * ways
        return carried

    def behind(self, positions: Points, time: float) -> Values:
        """Return how far each vertex that it holds, of (V, 3), is from where it is to be, (H,) metres."""
        return lengths(self.places(time) - positions[self.vertices])

    def look(self, positions: Points, time: float, step: float) -> None:
        """Wait for what is behind after a step, lose it, or let go; or make up for having waited."""
        behind = self.behind(positions, time)
        if behind.max() > BEHIND:
            self.late, self._waited = self.late + step, self._waited + step
            if self._waited > PATIENCE:
                self.vertices = self.vertices[(behind < BEHIND / 2) | np.isin(self.vertices, self.hands)]
                self._waited, self._asked = 0.0, np.nan
        else:
            self.late, self._waited = max(0.0, self.late - CATCHES_UP * step), 0.0
        if self.grip.lets_go < np.inf:
            # From its path, not from where it waits.
            missed = self._path(time) - positions[self.vertices]
            lost = float(lengths(missed).max()) > self.grip.lets_go
            self.over = lost or self._taut(positions)

    def _taut(self, positions: Points) -> bool:
        """Tell whether so many of the edges that leave the hand are so much longer than at rest."""
        share, longer = self.grip.taut
        now = lengths(positions[self._pairs[:, 0]] - positions[self._pairs[:, 1]])
        return bool(np.count_nonzero(now > (1 + longer) * self._lengths) > share * len(now))
