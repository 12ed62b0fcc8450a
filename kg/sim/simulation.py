"""Cloth in motion: extended position-based dynamics (XPBD) in small steps.

In every substep the vertices fly on, then each link pulls them back to its length, each pair of sides that
came too near is pushed apart (`kg.sim.contact`), and the ground pushes up; what all of that moved them by is
their velocity. One round of many substeps converges faster than many rounds of one step (Macklin et al.,
*Small Steps in Physics Simulation*, 2019), unless what costs is to find the contacts: then links and layers
have more rounds.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from kg.sim.bar import Bar
from kg.sim.cloth import Cloth
from kg.sim.contact import Contacts
from kg.sim.grips import Grip, Hold
from kg.sim.kernels import choose
from kg.sim.settings import Settings

Points = NDArray[np.float64]

SPRING = 2 / np.sqrt(3)
"""Springs k along a lattice of equilateral triangles make a sheet of modulus 2k/√3."""
SEWN = 4.0
"""How much stiffer two layers that are sewn on each other bend than one: loose ones twice, glued ones eight
times."""
STRIDE, FINER = 0.25, 4.0
"""Thicknesses that a hand goes in a step, which is made so much shorter for that at most: what its bound
(`kg.sim.contact`) holds back while a hand goes on would stretch."""
FINE = 0.02
"""Metres: where edges are shorter, rounds are as many more, and steps shorter. Vertices are so light there
that in one round a pull that moves the whole garment stretches them: a tie by a sixth, the ear loops of a
mask by half."""
RESTING = 0.005
"""m/s: cloth that no hand holds and no vertex of which has gone faster lies still until a hand takes it."""
SETTLING = 60
"""Substeps in which layers that lie too near part before anything moves."""


class Simulation:
    """A piece of cloth and the hands that hold it.

    Attributes:
        cloth, settings: As given.
        positions: (V, 3) metres, z up.
        velocities: (V, 3) m/s.
        time: Seconds since it began.
        grips: Those of the last `advance`.
        bars: Rigid bars that cloth lies on; a motion may change them at any time.
        thickness: How near two layers come, metres; half of it is the ground's distance.
    """

    def __init__(
        self, cloth: Cloth, settings: Settings | None = None, positions: Points | None = None
    ) -> None:
        self.cloth, self.settings = cloth, settings or Settings()
        self.positions = np.array(cloth.rest if positions is None else positions, order="C")
        self.velocities = np.zeros_like(self.positions)
        self.time = 0.0
        self.grips: Sequence[Grip] = ()
        self.bars: tuple[Bar, ...] = ()
        self._holds: dict[Grip, Hold] = {}
        self._at_rest: Points | None = None
        self.thickness = self.settings.thickness
        self.gravity = np.array([0.0, 0.0, -self.settings.gravity])
        self._kernels = choose()
        second = self.settings.hem * cloth.sewn()
        self._masses = (cloth.areas + second) * self.settings.density
        self._inverse_masses = 1 / self._masses
        doubled = np.minimum(1.0, second / cloth.areas)[cloth.hinges.corners].mean(axis=1)
        # A hinge of so much smaller triangles is so much stiffer.
        self._hinges = replace(cloth.hinges, areas=cloth.hinges.areas / (1 + (SEWN - 1) * doubled))
        self._bends = cloth.hinges.rest.copy()
        apart = (self.thickness, self.settings.edge_thickness * self.thickness)
        self._contacts = Contacts(self._kernels, cloth, apart, together=self.settings.together)
        lighter = FINE / cloth.edge
        self._rounds = max(self.settings.rounds, round(lighter))
        # Coarse cloth in steps as long is stretched by a tenth here and there, where hands pull at a packet.
        self._shorter = max(1.0, lighter / self._rounds, lighter**0.5, self.settings.coarse**0.5)

    @property
    def kinetic_energy(self) -> float:
        """Joules."""
        return float(0.5 * self._masses @ (self.velocities**2).sum(axis=1))

    def held_by(self, grips: Sequence[Grip]) -> list[Hold]:
        """Return what grips hold now, and have not let go of before its time."""
        holds = (self._hold(grip) for grip in grips if grip.holds(self.time))
        return [hold for hold in holds if not hold.over]

    @property
    def slip(self) -> float:
        """Metres from the hands that hold now to what they hold, the farthest; 0 without any."""
        held = self.held_by(self.grips)
        return max((float(hold.behind(self.positions, self.time).max()) for hold in held), default=0.0)

    def _hold(self, grip: Grip) -> Hold:
        """Return what has become of a grip so far."""
        if grip not in self._holds:
            self._holds[grip] = Hold(grip, self.cloth)
        return self._holds[grip]

    def settle(self) -> None:
        """Part layers that lie too near, without gravity, ground or speed."""
        for _ in range(SETTLING):
            self._substep(self.settings.step, (), weightless=True)
            self.velocities[:] = 0

    def advance(self, seconds: float, grips: Sequence[Grip] = ()) -> None:
        """Go on by one frame of so many seconds, held by the grips that are in force."""
        if seconds < 1e-9:
            return
        self.grips, until = grips, self.time + seconds
        held = any(grip.start <= until and grip.end >= self.time for grip in grips)
        if not held and self._rests():
            self.time = until
            return
        start = self.positions.copy()
        shorter = max(self._shorter, min(FINER, self._haste(seconds, grips)))
        steps = ceil(seconds / self.settings.step * shorter - 1e-9)
        step = seconds / steps
        for _ in range(steps):
            self.time += step
            holding = self.held_by(grips)
            self._substep(step, holding)
            for hold in holding:
                hold.look(self.positions, self.time, step)
        # A little time says little: what has just been let go of is about to fall.
        if not held and seconds > 4 * self.settings.step:
            ways = np.linalg.norm(self.positions - start, axis=1)
            if ways.max() < RESTING * seconds:
                self.velocities[:] = 0
                self._at_rest = self.positions.copy()

    def _rests(self) -> bool:
        """Tell whether it lay still when it was last seen, and nothing has been done to it since."""
        return (
            self._at_rest is not None
            and not self.velocities.any()
            and np.array_equal(self._at_rest, self.positions)
        )

    def _haste(self, seconds: float, grips: Sequence[Grip]) -> float:
        """Return how many `STRIDE`s the fastest hand goes in a step of the settings."""
        ways = [grip.path(self.time + seconds) - grip.path(self.time) for grip in grips]
        farthest = max((float(np.linalg.norm(way, axis=1).max()) for way in ways), default=0.0)
        return farthest / seconds * self.settings.step / (STRIDE * self.thickness)

    def _substep(self, step: float, holding: Sequence[Hold], *, weightless: bool = False) -> None:
        kernels, settings, positions = self._kernels, self.settings, self.positions
        contacts, inverse_masses = self._contacts, self._inverse_masses
        if holding:
            inverse_masses = inverse_masses.copy()
        before, height = positions.copy(), -np.inf if weightless else self.thickness / 2
        kernels.predict(positions, self.velocities, 0.0 * self.gravity if weightless else self.gravity, step)
        for hold in holding:
            vertices = hold.vertices
            carried = hold.carried(before[vertices], self.time, step)
            carried[:, 2] = np.maximum(carried[:, 2], self.thickness / 2)
            inverse_masses[vertices], positions[vertices] = 0.0, carried
        contacts.look(before, positions, self.velocities, step)
        edges, compliance = self.cloth.edges, SPRING / settings.stretch / step**2
        pulled = np.zeros(len(edges.pairs))
        kept = edges, compliance, settings.slack, SPRING / settings.wrinkle / step**2, pulled
        kernels.keep_lengths(positions, inverse_masses, *kept)
        kernels.keep_bends(
            positions,
            inverse_masses,
            self._hinges,
            self._bends,
            1 / settings.bend / step**2,
            1 - np.exp(-settings.crease * step),
        )
        # Sides that have not passed each other yet are pushed back to where they came from.
        contacts.hold_back(positions, before, step)
        contacts.keep_apart(positions, before, step, inverse_masses, settings.cloth_friction)
        for _ in range(self._rounds - 1):
            kernels.keep_lengths(positions, inverse_masses, *kept)
            contacts.keep_apart(positions, before, step, inverse_masses, settings.cloth_friction)
        for bar in self.bars:
            bar.push_out(positions, before, self.thickness / 2)
        kernels.stay_above(positions, before, height, settings.ground_friction)
        contacts.hold_back(positions, before, step)
        contacts.go_on(positions, before, step)
        kernels.finish(positions, before, self.velocities, step, np.exp(-settings.drag * step))
