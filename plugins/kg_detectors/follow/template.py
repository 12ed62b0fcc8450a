"""Places of one object at rest, that of the most usual proportions, and the ways between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from kg.data.sample import farthest_points

Floats = NDArray[np.float64]

CLOUDS = 8
"""Whose samples ways are measured on: together they are so dense that no edge joins two layers."""
LEAST = 1e-6
"""Share of the largest side that a box's side counts as at least: a flat object has no thickness."""
NEIGHBOURS = 8
"""Each place is joined to so many nearest samples."""
THIN = 0.12
"""Share of the box's diagonal below which an axis counts as one of layers, and is stretched to it."""


@dataclass(frozen=True, eq=False)
class Template:
    """What stands for all objects of a category at rest.

    Attributes:
        places: (M, 3) in [-1, 1], each axis by the object's own box.
        surface: (S, 3), the same and more of them, farthest first.
        extent: (3,) edges of the mean box, in the source's units.
        ways: (M, M) shortest ways along the object, as shares of the box's diagonal.
    """

    places: Floats
    surface: Floats
    extent: Floats
    ways: Floats

    @property
    def stretched(self) -> Floats:
        """The places (M, 3) in the source's units, a thin axis stretched, so that layers are apart."""
        diagonal = np.linalg.norm(self.extent)
        return self.places * np.maximum(self.extent, THIN * diagonal) / 2

    def nearest(self, places: Floats) -> NDArray[np.int64]:
        """Return which of the template's places is nearest to each of others (m, 3) in [-1, 1]."""
        edges = np.maximum(self.extent, THIN * np.linalg.norm(self.extent))
        rows: NDArray[np.int64] = cKDTree(self.places * edges).query(places * edges)[1]
        return rows

    def cost_of_layers(self) -> Floats:
        """Return the way (M,) from each place to the one opposite on the other layer; 0 without layers.

        It is short on seams and corners: a keypoint there is well determined, one amid a panel has a twin at
        the panel behind it.
        """
        axis = int(self.extent.argmin())
        if self.extent[axis] > THIN * np.linalg.norm(self.extent):
            return np.zeros(len(self.places))
        other = self.places.copy()
        other[:, axis] *= -1
        cost: Floats = self.ways[np.arange(len(other)), self.nearest(other)]
        return cost

    def spread(self, count: int, cost: Floats, share: float) -> NDArray[np.int64]:
        """Return as many places (count,), far apart, of the share of them that cost (M,) the least."""
        sure = np.flatnonzero(cost <= np.quantile(cost, share))
        spread: NDArray[np.int64] = sure[farthest_points(self.stretched[sure], min(count, len(sure)))]
        return spread


def make_template(
    rest: NDArray[np.floating], boxes: NDArray[np.floating], objects: Sequence[str], count: int, dense: int
) -> Template:
    """Return the template of some objects.

    Args:
        rest: (n, P, 3), where the points of each cloud lie at rest, in [-1, 1] of their object's box.
        boxes: (n, 3), sides of the box, in the source's unit.
        objects: (n,), what is one object.
        count: M. Where the usual object has fewer samples, some places are there several times.
        dense: S, as many or more.
    """
    names, first = np.unique(np.asarray(objects), return_index=True)
    sides = np.maximum(boxes[first].astype(np.float64), LEAST * boxes.max())
    extent = sides.mean(0)
    usual = names[np.abs(np.log(sides / extent)).sum(1).argmin()]
    rows = np.flatnonzero(np.asarray(objects) == usual)
    several = rows[np.unique(np.linspace(0, len(rows) - 1, CLOUDS).round().astype(int))]
    places = rest[several].reshape(-1, 3).astype(np.float64)
    samples = places * extent / 2
    spread = np.resize(farthest_points(samples, min(dense, len(samples))), dense)
    ways = _ways(samples, spread[:count]) / float(np.linalg.norm(extent))
    return Template(places[spread[:count]], places[spread], extent, ways)


def _ways(samples: Floats, spread: NDArray[np.int64]) -> Floats:
    """Return the shortest ways between samples; straight ones where no way leads."""
    near = min(NEIGHBOURS + 1, len(samples))
    lengths, others = cKDTree(samples).query(samples, near)
    rows = np.repeat(np.arange(len(samples)), near)
    # A length of 0 would be no edge.
    graph = csr_matrix((lengths.ravel() + 1e-12, (rows, others.ravel())), (len(samples),) * 2)
    ways: Floats = dijkstra(graph, directed=False, indices=spread)[:, spread]
    straight = np.linalg.norm(samples[spread][:, None] - samples[spread], axis=2)
    return np.where(np.isinf(ways), straight, ways)
