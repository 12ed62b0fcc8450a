"""From a pattern to a garment: panels, meshed and sewn along their seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import Curve, resample
from kg_datasets.garments.panel import triangulate
from kg_datasets.garments.pattern import BACK, OVER, Limb, Line, Panel, Pattern

LAYER = 0.01
"""Metres: a panel's distance from the seams' plane in rest positions, for each layer."""


@dataclass(frozen=True, eq=False)
class Garment:
    """A garment at rest: an open mesh of flat layers, sewn along the seams.

    Attributes:
        flat: (V, 2) float64, metres, the vertices' places on the pattern. Flat lengths are rest lengths.
        side: (V,) float64: 1 on the front panel, -1 on the back panel, 2 and -2 on a collar over and
            under them, on a seam the mean of the panels' (0 between front and back), 0 on the only layer.
        faces: (F, 3) int64; normals point outwards, out of the front towards the wearer's front.
        layer: (F,) int64: which side each face's panel is of.
        landmarks: Names of places to vertices, in the pattern's order.
        limbs: Sleeves or legs.
        edge: Metres: the length aimed at for the edges.
    """

    flat: NDArray[np.float64]
    side: NDArray[np.float64]
    faces: NDArray[np.int64]
    layer: NDArray[np.int64]
    landmarks: dict[str, int]
    limbs: tuple[Limb, ...]
    edge: float

    @property
    def rest_positions(self) -> NDArray[np.float64]:
        """Rest positions (V, 3): x, y on the pattern and `LAYER` times the side."""
        return np.concatenate([self.flat, LAYER * self.side[:, None]], axis=1)

    @property
    def edges(self) -> NDArray[np.int64]:
        """Every edge once, (E, 2), its lower vertex first."""
        faces, count = self.faces, len(self.flat)
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        codes = np.unique(ends.min(axis=1) * count + ends.max(axis=1))
        return np.stack(np.divmod(codes, count), axis=1)


def sew(pattern: Pattern) -> Garment:
    """Return the garment of a pattern.

    Raises:
        ValueError: An outline comes too near to itself for the pattern's edge length.
    """
    cutting = _Cutting(pattern.edge)
    flat: list[Curve] = []
    faces: list[NDArray[np.int64]] = []
    uses: list[tuple[NDArray[np.int64], int]] = []
    count = 0
    for panel in pattern.panels:
        points, triangles = triangulate(cutting.borders(panel), pattern.edge)
        # A point that an earlier panel has too is sewn to it: it keeps the number that it has there.
        sewn = cutting.numbers(panel)
        own = np.ones(len(points), dtype=bool)
        own[: len(sewn)] = sewn < 0
        number = np.empty(len(points), dtype=np.int64)
        number[: len(sewn)] = sewn
        number[own] = count + np.arange(own.sum())
        cutting.remember(panel, number)
        count += int(own.sum())

        flat.append(points[own])
        uses.append((number, panel.side))
        # What lies face down: the back, and what is turned down upon the front.
        inverted = panel.side in (BACK, OVER)
        faces.append(number[triangles[:, ::-1] if inverted else triangles])
    return Garment(
        flat=np.concatenate(flat),
        side=_sides(uses, count),
        faces=np.concatenate(faces),
        layer=np.repeat([panel.side for panel in pattern.panels], [len(part) for part in faces]),
        landmarks={place: cutting.places[place] for place in pattern.places},
        limbs=pattern.limbs,
        edge=pattern.edge,
    )


class _Cutting:
    """Borders of panels as they are meshed, and the numbers of the vertices on them.

    A line is resampled once, whatever the panels that share it, so that they meet point by point.

    Attributes:
        places: Numbers of the vertices at the places met so far.
    """

    def __init__(self, edge: float) -> None:
        self.places: dict[str, int] = {}
        self._edge = edge
        self._curves: dict[Line, Curve] = {}
        self._inner: dict[Line, NDArray[np.int64]] = {}

    def borders(self, panel: Panel) -> list[Curve]:
        """Return the points of a panel's outline and of its holes, each without its last."""
        outline = [
            (self._curve(line) if forwards else self._curve(line)[::-1])[:-1]
            for line, forwards in panel.outline
        ]
        return [np.concatenate(outline), *(resample(hole, self._edge)[:-1] for hole in panel.holes)]

    def numbers(self, panel: Panel) -> NDArray[np.int64]:
        """Return the numbers of an outline's points, -1 for those that no panel had yet."""
        numbers = []
        for line, forwards in panel.outline:
            unknown = np.full(len(self._curve(line)) - 2, -1)
            inner = self._inner.get(line, unknown)
            start = self.places.get(line.start if forwards else line.end, -1)
            numbers += [np.array([start]), inner if forwards else inner[::-1]]
        return np.concatenate(numbers)

    def remember(self, panel: Panel, numbers: NDArray[np.int64]) -> None:
        """Keep the numbers of a panel's points, which begin with its outline's."""
        at = 0
        for line, forwards in panel.outline:
            inner = len(self._curve(line)) - 2
            self.places[line.start if forwards else line.end] = int(numbers[at])
            walked = numbers[at + 1 : at + 1 + inner]
            self._inner[line] = walked if forwards else walked[::-1]
            at += 1 + inner

    def _curve(self, line: Line) -> Curve:
        if line not in self._curves:
            self._curves[line] = resample(line.curve, self._edge)
        return self._curves[line]


def _sides(uses: list[tuple[NDArray[np.int64], int]], count: int) -> NDArray[np.float64]:
    """Return the mean side of the panels that each vertex is of, (V,)."""
    numbers = np.concatenate([number for number, _ in uses])
    sides = np.repeat([float(side) for _, side in uses], [len(number) for number, _ in uses])
    mean: NDArray[np.float64] = np.bincount(numbers, sides, count) / np.bincount(numbers, minlength=count)
    return mean
