"""From a pattern to a garment: two panels, meshed and sewn along their seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import resample
from kg_datasets.garments.panel import triangulate
from kg_datasets.garments.pattern import Limb, Pattern

EDGE = 0.02
"""Metres: length aimed at for the edges of a mesh."""

LAYER = 0.01
"""Metres: a panel's distance from the seams' plane in material coordinates."""


@dataclass(frozen=True, eq=False)
class Garment:
    """A garment at rest: an open mesh of two flat layers, sewn along the seams.

    Attributes:
        flat: (V, 2) float64, metres, the vertices' places on the pattern. Flat lengths are rest lengths.
        side: (V,) float64: 1 on the front panel, -1 on the back panel, 0 on a seam.
        faces: (F, 3) int64; normals point outwards, out of the front towards the wearer's front.
        landmarks: Names of places to vertices, in the order of the walk around the outline.
        limbs: Sleeves or legs.
    """

    flat: NDArray[np.float64]
    side: NDArray[np.float64]
    faces: NDArray[np.int64]
    landmarks: dict[str, int]
    limbs: tuple[Limb, ...]

    @property
    def material(self) -> NDArray[np.float64]:
        """Material coordinates (V, 3): x, y on the pattern and `LAYER` times the side."""
        return np.concatenate([self.flat, LAYER * self.side[:, None]], axis=1)

    @property
    def edges(self) -> NDArray[np.int64]:
        """Every edge once, (E, 2), its lower vertex first."""
        faces, count = self.faces, len(self.flat)
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        codes = np.unique(ends.min(axis=1) * count + ends.max(axis=1))
        return np.stack(np.divmod(codes, count), axis=1)


@dataclass(frozen=True, eq=False)
class _Border:
    """A panel's outline as it is meshed: points (B, 2), which are sewn (B,), where places lie."""

    points: NDArray[np.float64]
    sewn: NDArray[np.bool_]
    places: dict[str, int]


def sew(pattern: Pattern, edge: float = EDGE) -> Garment:
    """Return the garment of a pattern, with edges of about `edge` metres.

    Raises:
        ValueError: The outline comes too near to itself for such edges.
    """
    front, back = _border(pattern, front=True, edge=edge), _border(pattern, front=False, edge=edge)
    points, faces = triangulate(front.points, edge)
    back_points, back_faces = triangulate(back.points, edge)

    # Sewn points come in the same order on both panels: the back's take the numbers of the front's.
    own = np.ones(len(back_points), dtype=bool)
    own[: len(back.sewn)] = ~back.sewn
    number = np.empty(len(back_points), dtype=np.int64)
    number[~own] = np.flatnonzero(front.sewn)
    number[own] = len(points) + np.arange(own.sum())

    side = np.concatenate([np.ones(len(points)), -np.ones(own.sum())])
    side[: len(front.sewn)][front.sewn] = 0
    return Garment(
        flat=np.concatenate([points, back_points[own]]),
        side=side,
        faces=np.concatenate([faces, number[back_faces[:, ::-1]]]),
        landmarks=_landmarks(front, back, number),
        limbs=pattern.limbs,
    )


def landmark_names(pattern: Pattern) -> list[str]:
    """Return the names of a pattern's landmarks, in their order, without meshing it.

    Each place where two edges of the outline meet is one, if it lies on a seam, and else two: one on
    the front's rim of the opening and one on the back's.
    """
    names: list[str] = []
    for before, edge in zip((pattern.outline[-1], *pattern.outline), pattern.outline, strict=False):
        sewn = before.back is None or edge.back is None
        names += [edge.start] if sewn else [f"front {edge.start}", f"back {edge.start}"]
    return names


def _border(pattern: Pattern, *, front: bool, edge: float) -> _Border:
    points: list[NDArray[np.float64]] = []
    sewn: list[NDArray[np.bool_]] = []
    places: dict[str, int] = {}
    count, after_seam = 0, pattern.outline[-1].back is None
    for piece in pattern.outline:
        seam = piece.back is None
        curve = resample(piece.front if front or piece.back is None else piece.back, edge)[:-1]
        places[piece.start] = count
        points.append(curve)
        sewn.append(np.full(len(curve), seam))
        sewn[-1][0] |= after_seam
        count, after_seam = count + len(curve), seam
    return _Border(np.concatenate(points), np.concatenate(sewn), places)


def _landmarks(front: _Border, back: _Border, number: NDArray[np.int64]) -> dict[str, int]:
    landmarks = {}
    for place, vertex in front.places.items():
        if front.sewn[vertex]:
            landmarks[place] = vertex
        else:
            landmarks[f"front {place}"] = vertex
            landmarks[f"back {place}"] = int(number[back.places[place]])
    return landmarks
