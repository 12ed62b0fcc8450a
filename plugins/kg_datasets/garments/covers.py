"""What is turned down upon another layer, such as a collar, and how it stays clear of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import distance_to
from kg_datasets.garments.pattern import BACK, FRONT, OVER, UNDER
from kg_datasets.garments.sewing import Garment

Array = NDArray[np.float64]

RISE = 0.011
"""Metres between a collar and what it lies upon."""
ROUND = 0.012
"""Metres from the collar's seam, beyond the shoulder, within which it comes to that."""
KEPT = 0.9
"""Share of the rise that stays when edges pull."""
MARGIN = 0.05
"""Metres around a collar within which to look for the triangles below it."""


@dataclass(frozen=True, eq=False)
class Cover:
    """The vertices of a collar that lie upon one layer, and what is below each.

    Attributes:
        vertices: (M,) numbers.
        triangles, weights: (M, 3) the layer's triangle below each, and the place in it.
        rise: (M,) metres from there to the vertex; negative under the back, 0 on the collar's seam.
    """

    vertices: NDArray[np.int64]
    triangles: NDArray[np.int64]
    weights: Array
    rise: Array

    @classmethod
    def of(cls, garment: Garment, side: int, below: int) -> Self:
        """Return what lies on a side of a garment upon the layer below."""
        layer = garment.faces[garment.layer == below]
        vertices = np.setdiff1d(garment.faces[garment.layer == side], layer)
        places = garment.flat[vertices]
        triangles, weights = _triangles_at(garment.flat, layer, places)
        seam = places[garment.side[vertices] == 0]
        share = np.sqrt((distance_to(seam, places) / ROUND).clip(max=1))
        return cls(vertices, triangles, weights, below * RISE * share)

    def below(self, values: Array) -> Array:
        """Return values (V,) of the layer, read below each vertex, (M,)."""
        read: Array = (self.weights * values[self.triangles]).sum(axis=1)
        return read

    def keep(self, axes: Array, offsets: Array) -> None:
        """Lift what came too near to the layer, in place.

        Args:
            axes: (3, V) positions.
            offsets: (3, M) from the layer to the vertices before they moved: the collar's seam returns to
                them, as it must pass around the layer's own.
        """
        seam = self.rise == 0
        for axis, offset in zip(axes, offsets, strict=True):
            axis[self.vertices[seam]] = (self.below(axis) + offset)[seam]
        way = np.sign(self.rise)
        least = KEPT * np.abs(self.rise)
        z = axes[2]
        short = (least - way * (z[self.vertices] - self.below(z))).clip(min=0)
        z[self.vertices] += way * short


def covers(garment: Garment) -> list[Cover]:
    """Return what lies upon the front and under the back of a garment: nothing, or its collar."""
    sides = ((OVER, FRONT), (UNDER, BACK))
    return [Cover.of(garment, side, below) for side, below in sides if (garment.layer == side).any()]


def _triangles_at(
    flat: Array, faces: NDArray[np.int64], places: Array
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the triangle (M, 3) that holds each place, or is nearest to it, and the weights (M, 3)."""
    low, high = places.min(axis=0) - MARGIN, places.max(axis=0) + MARGIN
    near = ((flat > low) & (flat < high)).all(axis=1)
    faces = faces[near[faces].any(axis=1)]
    corner, *others = np.moveaxis(flat[faces], 1, 0)
    basis = np.linalg.inv(np.stack([other - corner for other in others], axis=-1))
    share = np.einsum("fij,mfj->mfi", basis, places[:, None] - corner)
    weights = np.concatenate([1 - share.sum(axis=-1, keepdims=True), share], axis=-1)
    # The triangle that holds a place has no negative weight there; of the others, the least far off.
    best = weights.min(axis=-1).argmax(axis=1)
    nearest = weights[np.arange(len(places)), best].clip(min=0)
    return faces[best], nearest / nearest.sum(axis=1, keepdims=True)
