"""A data set whose garments are deformed: each of its meshes becomes a sequence."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kg.data import Dataset, Get, Item, PrepareOptions, Remote, Shape
from kg.data.landmarks import with_trusted_landmarks
from kg.data.shape import Moment
from kg.errors import KgError
from kg.sim.coarsen import ENOUGH, MOST, Carried, coarsened
from kg.sim.deformation import State
from kg.sim.fabrics import drawn
from kg.sim.garment import Garment, landmark_vertices
from kg.sim.mix import Mix, described
from kg.sim.refine import refine

Points = NDArray[np.float64]

UNITS = {"metre": 1.0, "centimetre": 0.01, "millimetre": 0.001}
"""Metres of the units that a data set can name."""
SMALLEST, LARGEST = 0.1, 3.0
"""Metres: sizes that a garment can have. Meshes beyond them in all these units are in none."""
ROOM = 3
"""By what factor a garment may be beyond these sizes in its category's unit; else it has one of its own."""
USUAL = 0.8
"""Metres: the size that garments without a unit come nearest to, or are given."""
TOUCHING = 0.75
"""Thicknesses: what of the cloth is no higher touches the ground; its middle lies half of one above that."""
BURST = 2.0
"""Cloth that spans so many times the size of its mesh has burst: no cloth gets so long."""
SOME = 9
"""Meshes of a category that are read to guess the unit of all."""


class Deformed(Dataset):
    """The meshes of another data set, set in motion by a deformation each.

    All that the other data set says of itself holds, but that z is up and frames are many. A frame is the
    item `<id>-<frame>` of the same object; its points are at rest where the other data set says, or where the
    mesh has them. The frames of one mesh are simulated once, when they are loaded in order. Where the data
    set names no unit of length, one is guessed for all meshes of a category.
    """

    by_object: ClassVar[bool] = True
    up: ClassVar[str] = "z"

    def __init__(self, dataset: Dataset, mix: Mix, frames: int, seed: int) -> None:
        self.dataset, self.mix, self.count, self.seed = dataset, mix, frames, seed
        self._running: _Sequence | None = None
        for name in inspect.get_annotations(Dataset):
            if name not in vars(Deformed):
                setattr(self, name, getattr(dataset, name))
        self.variant = mix.name  # type: ignore[misc]

    def __getstate__(self) -> dict[str, Any]:
        # A simulation that runs stays in its process.
        return {**self.__dict__, "_running": None}

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        """Return those of the data set itself."""
        return self.dataset.downloads(part, get)

    def find_root(self, folder: Path) -> Path:
        """Return that of the data set itself."""
        return self.dataset.find_root(folder)

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return those of the data set itself."""
        return self.dataset.find_categories(raw)

    def check_category(self, category: str) -> None:
        """Refuse what the data set itself refuses."""
        self.dataset.check_category(category)

    def landmark_names(self, category: str) -> Mapping[int, str]:
        """Return those of the data set itself."""
        return self.dataset.landmark_names(category)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return so many frames of each mesh."""
        meshes = self.dataset.items(category, raw, options)
        # What is guessed may change with the files, and then every frame does: so it is part of their source.
        guessed = () if self.unit in UNITS else (metres(self.dataset, meshes),)
        return [
            Item(
                id=f"{base.id}-{frame:03d}",
                object=base.object,
                frame=base.frame * self.count + frame,
                split=base.split,
                source=(base.source, base.id, base.frame, category, frame, *guessed),
                rest_id=base.rest_id,
            )
            for base in meshes
            for frame in range(self.count)
        ]

    def understood(self, items: Sequence[Item], options: PrepareOptions) -> Sequence[str]:
        """Return what the data set itself does."""
        return self.dataset.understood(items, options)

    def load(self, item: Item) -> Shape:
        """Return a frame, after all that are before it.

        Raises:
            KgError: The mesh cannot be read, or is no cloth.
        """
        source, name, number, category, frame, *guessed = item.source
        if self._running is None or self._running.name != name or self._running.next > frame:
            base = Item(name, item.object, number, item.split, source, item.rest_id)
            self._running = self._begin(base, category, *guessed)
        return self._running.to(frame)

    def coarser(self, item: Item, times: float) -> Shape:
        """Return a frame as it is: how long its edges are, the settings of the cloth say."""
        return self.load(item)

    def _begin(self, base: Item, category: str, guessed: float | None = None) -> "_Sequence":
        rng = np.random.default_rng([self.seed, *base.id.encode()])
        how, settings = self.mix.drawn(rng)
        # All poses of an object get the same proportions: they share its shape at rest.
        own = np.random.default_rng([self.seed, *(base.rest_id or base.object).encode()])
        shape = reshaped(as_cloth(self.dataset, base, settings.coarse), how.proportions, own)
        enough = round(ENOUGH / settings.coarse**2)
        cloth, carried = coarsened(shape, enough) if len(shape.vertices) > MOST else (shape, None)
        unit = UNITS[self.unit] if guessed is None else unit_of(shape, guessed)
        # A stream of its own: in whatever fabric, hands do the same.
        fabric, settings = drawn(how.fabric, settings, rng.spawn(1)[0], self.mix.fixed)
        garment = Garment.of_shape(cloth, self.landmark_names(category), settings, unit)
        states = how.states(garment, self.count, rng)
        motion = {"name": how.name, "fabric": fabric, **described(how, settings)}
        return _Sequence(base.id, shape, cloth, carried, landmark_vertices(shape), unit, states, motion)


def as_cloth(dataset: Dataset, item: Item, coarse: float = 1.0) -> Shape:
    """Return a mesh fit to be cloth: as the data set has it if that is cloth already, or refined.

    Args:
        dataset: Whose mesh it is.
        item: The mesh.
        coarse: Its edges are so many times as long as usual, as far as kg makes them.

    Raises:
        KgError: It is a cloud, or has no area.
    """
    # Landmarks become the vertices next to them, after which nobody could tell that they lay elsewhere.
    shape = with_trusted_landmarks(dataset.coarser(item, coarse))
    if shape.faces is None:
        raise KgError("It is a cloud, and only a mesh can be deformed.")
    return shape if dataset.cloth else refine(shape, coarse)


def reshaped(shape: Shape, most: float, rng: np.random.Generator) -> Shape:
    """Return a mesh with other proportions, its landmarks and its rest position alike.

    Args:
        shape: The mesh; its thinnest side stays.
        most: Each other side becomes up to 1 + `most` times as long or as short, evenly on a logarithmic
            scale.
        rng: Draws two factors; nothing where `most` is 0.
    """
    if most == 0:
        return shape
    factors = np.ones(3)
    wide = np.ptp(shape.vertices, axis=0).argsort()[1:]
    factors[np.sort(wide)] = (1 + most) ** rng.uniform(-1, 1, 2)
    rest = shape.rest_positions
    return replace(
        shape,
        vertices=factors * shape.vertices,
        landmarks=factors * shape.landmarks,
        rest_positions=None if rest is None else factors * rest,
    )


def metres(dataset: Dataset, items: Sequence[Item]) -> float:
    """Return what the meshes of a category have to be multiplied by to be garments in metres.

    If the data set does not say, it is the unit in which the median of some of them, spread evenly over all,
    has the most usual size, the same for all.
    """
    if dataset.unit in UNITS:
        return UNITS[dataset.unit]
    sizes = []
    for number in np.unique(np.linspace(0, len(items) - 1, min(SOME, len(items))).round().astype(int)):
        try:
            shape = dataset.load(items[number])
        except Exception:  # whatever a plugin raises: preparing this mesh will say what is wrong
            continue
        if shape.faces is not None:
            sizes.append(np.ptp(shape.vertices[shape.faces], axis=(0, 1)).max())
    return _usual(float(np.median(sizes)) if sizes else 0.0)


def unit_of(shape: Shape, guessed: float) -> float:
    """Return what was guessed for a category, or a mesh's own unit where it would be no garment in that."""
    size = float(np.ptp(shape.vertices, axis=0).max())
    return guessed if SMALLEST / ROOM <= size * guessed <= LARGEST * ROOM else _usual(size)


def _usual(size: float) -> float:
    """Return the metres of the unit in which a size is a garment's, the most usual of several."""
    if not size > 0:
        return 1.0
    known = [unit for unit in UNITS.values() if SMALLEST <= size * unit <= LARGEST]
    return min(known, key=lambda unit: abs(np.log(size * unit / USUAL)), default=USUAL / size)


@dataclass(eq=False)
class _Sequence:
    """A simulation under way; `next` is the frame that comes next.

    Simulated is the cloth, which carries the shape where that is finer.
    """

    name: str
    shape: Shape
    cloth: Shape
    carried: Carried | None
    landmarks: NDArray[np.int64]
    unit: float
    states: Iterator[State]
    motion: dict[str, Any]
    next: int = 0

    def to(self, frame: int) -> Shape:
        """Return a frame that has not been passed yet.

        Raises:
            KgError: The simulation has failed: the cloth has burst.
        """
        while True:
            state = next(self.states)
            self.next += 1
            if self.next > frame:
                break
        rest, positions = self.shape, state.positions / self.unit
        size, span = (
            float(np.linalg.norm(np.ptp(each, axis=0))) for each in (self.cloth.vertices, positions)
        )
        if not span <= BURST * size:
            raise KgError(
                f"The simulation failed: at {state.time:.2f} s cloth of {size:.3g} spans {span:.3g}.",
                "Prepare with another --seed, or with a shorter step: --set step=0.0005",
            )
        if self.carried is not None:
            positions = self.carried.at(positions)
        return Shape(
            positions,
            rest.faces,
            positions[self.landmarks],
            rest.landmark_ids,
            rest_positions=rest.rest_positions,
            # Told once for each mesh.
            notes=() if frame else rest.notes,
            moment=self._moment(state),
        )

    def _moment(self, state: State) -> Moment:
        bars = [
            [(start / self.unit).tolist(), (end / self.unit).tolist(), radius / self.unit]
            for start, end, radius in state.bars
        ]
        at_rest = self.cloth.vertices if self.cloth.rest_positions is None else self.cloth.rest_positions
        return Moment(
            json.dumps({**self.motion, **({"bars": bars} if bars else {})}),
            state.time,
            state.hands / self.unit,
            at_rest[state.held],
            TOUCHING * self.motion["thickness"] / self.unit,
        )
