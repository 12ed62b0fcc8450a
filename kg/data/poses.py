"""More poses of a thing, mixed of a few that are known: how its parts are turned, and how far they stretch.

Between two poses each triangle is turned and stretched. Of several poses the turns are averaged by their
logarithms and the stretches as they are, and the mesh is found whose triangles come nearest to that (Sumner
et al., *Mesh-Based Inverse Kinematics*, SIGGRAPH 2005). Parts of a thing take after different poses: a horse
gallops with its fore legs and stands on its hind legs.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from kg.data.mesh import Mesh
from kg.errors import KgError

Points = NDArray[np.float64]
Values = NDArray[np.float64]

PARTS = (3, 9)
"""A pose has so many parts at least, and fewer than so many."""
SOFT = (0.03, 0.08)
"""How gradually one part becomes another, as a share of the thing's size."""
FEW = 0.35
"""Concentration of the shares that poses have in a part: the less, the more like a single one it is."""
TOGETHER = 0.5
"""Share at most of what all parts have in common."""
BENT = (0.7, 1.25)
"""Times that a pose is bent as much as the mixture says: beyond 1 it goes on where the poses lead."""
LEAST, MOST = 0.05, 20.0
"""Cotangents of angles below and above are taken for these: slivers neither tear nor hold all."""
LOOSE = 1e-6
"""How strongly vertices are drawn to where they are in a plain average, beside their triangles: it places
what hangs on nothing else."""


class Poses:
    """Some poses of a thing, and what comes of mixing them.

    Args:
        meshes: Two or more with the same polygons.

    Raises:
        KgError: They are fewer, their vertices do not correspond or are not finite, or the first has no area.
    """

    def __init__(self, meshes: list[Mesh]) -> None:
        if len(meshes) < 2:
            raise KgError(f"It takes two poses or more to mix, not {len(meshes)}.")
        if not all(mesh.has_topology_of(meshes[0]) for mesh in meshes[1:]):
            raise KgError("Only poses of one mesh can be mixed: vertex i is the same place in all of them.")
        places = np.stack([mesh.vertices for mesh in meshes])
        if not np.isfinite(places).all():
            raise KgError("Some vertices are NaN or infinite.")
        self.faces = meshes[0].triangles()
        first = places[0]
        self._centre = first.mean(axis=0)
        areas, edges = _areas(first[self.faces]), _edges(first, self.faces)
        if not areas.sum() > 0:
            raise KgError("The mesh has no area: all its triangles are degenerate.")
        turns, self._stretches = _polar(_gradients(first, places, self.faces))
        # How a thing lies as a whole is no matter of its parts.
        self._whole = np.stack([_nearest_turn((areas[:, None, None] * turn).sum(axis=0)) for turn in turns])
        turns = np.einsum("pji,pfjk->pfik", self._whole, turns)
        self._usual = _nearest_turn(turns.sum(axis=0))
        away = np.einsum("fji,pfjk->pfik", self._usual, turns)
        self._logarithms = (
            Rotation.from_matrix(away.reshape(-1, 3, 3)).as_rotvec().reshape(*away.shape[:2], 3)
        )
        centred = places - places.mean(axis=1, keepdims=True)
        self._plain = np.einsum("pvi,pij->pvj", centred, self._whole)
        self._middles = first[self.faces].mean(axis=1)
        self._size = float(np.ptp(first, axis=0).max())
        self._edges = edges.reshape(3, -1, 3)
        along = _differences(self.faces, len(first))
        self._pull = (along.T @ sparse.diags(_cotangents(first[self.faces]))).tocsr()
        self._solve = splu((self._pull @ along + LOOSE * sparse.eye(len(first))).tocsc()).solve

    def __len__(self) -> int:
        """Return how many poses there are."""
        return len(self._whole)

    def mixed(self, rng: np.random.Generator) -> Points:
        """Return the vertices (V, 3) of a new pose, which lies as one of the poses does."""
        count = int(rng.integers(*PARTS))
        starts = self._middles[rng.integers(len(self.faces), size=count)]
        gaps = np.linalg.norm(self._middles[:, None] - starts, axis=2) / self._size
        near = np.exp((gaps.min(axis=1, keepdims=True) - gaps) / rng.uniform(*SOFT))
        of_part, common = (rng.dirichlet(np.full(len(self), FEW), number) for number in (count, 1))
        shared = rng.uniform(0, TOGETHER)
        shares = near / near.sum(axis=1, keepdims=True) @ ((1 - shared) * of_part + shared * common)
        made = self.of_shares(shares, rng.uniform(*BENT))
        placed: Points = made @ self._whole[rng.integers(len(self))].T + self._centre
        return placed

    def of_shares(self, shares: Values, bent: float = 1.0) -> Points:
        """Return the vertices (V, 3), around the origin, of what has shares (F, P) of the poses.

        Args:
            shares: Of each pose in each triangle.
            bent: Times that it is bent as much.
        """
        logarithms = bent * np.einsum("fp,pfi->fi", shares, self._logarithms)
        turns = self._usual @ Rotation.from_rotvec(logarithms).as_matrix()
        gradients = turns @ np.einsum("fp,pfij->fij", shares, self._stretches)
        wanted = np.einsum("fij,efj->efi", gradients, self._edges).reshape(-1, 3)
        plain = np.einsum("p,pvi->vi", shares.mean(axis=0), self._plain)
        places: Points = self._solve(self._pull @ wanted + LOOSE * plain)
        places -= places.mean(axis=0)
        return places


def _areas(corners: Points) -> Values:
    """Return twice the areas (F,) of triangles (F, 3, 3)."""
    doubled: Values = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    return doubled


def _edges(vertices: Points, faces: NDArray[np.int64]) -> Points:
    """Return the first sides of all triangles, all second ones, all third ones, (3 F, 3)."""
    return np.concatenate(
        [vertices[faces[:, (side + 1) % 3]] - vertices[faces[:, side]] for side in range(3)]
    )


def _differences(faces: NDArray[np.int64], count: int) -> sparse.csr_matrix:
    """Return the matrix (3 F, V) that gives `_edges` of vertices."""
    starts, ends = faces.T.ravel(), np.roll(faces, -1, axis=1).T.ravel()
    rows, ones = np.arange(len(starts)), np.ones(len(starts))
    return sparse.csr_matrix(
        (np.concatenate([ones, -ones]), (np.tile(rows, 2), np.concatenate([ends, starts]))),
        shape=(len(starts), count),
    )


def _cotangents(corners: Points) -> Values:
    """Return the cotangents (3 F,) of the angles that face the `_edges` of triangles (F, 3, 3)."""
    angles = []
    for side in range(3):
        start, end, far = (corners[:, (side + step) % 3] for step in range(3))
        one, other = start - far, end - far
        doubled = np.maximum(np.linalg.norm(np.cross(one, other), axis=1), 1e-300)
        angles.append((one * other).sum(axis=1) / doubled)
    cotangents: Values = np.clip(np.concatenate(angles), LEAST, MOST)
    return cotangents


def _gradients(first: Points, places: Points, faces: NDArray[np.int64]) -> Points:
    """Return by what (P, F, 3, 3) the triangles of each pose (P, V, 3) come from those of the first."""
    inverse = np.linalg.pinv(_frames(first[faces]))
    return np.stack([_frames(vertices[faces]) @ inverse for vertices in places])


def _frames(corners: Points) -> Points:
    """Return as columns two sides of triangles (F, 3, 3), and what is across them and as long."""
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(one, other)
    across /= np.sqrt(np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300))
    return np.stack([one, other, across], axis=2)


def _polar(gradients: Points) -> tuple[Points, Points]:
    """Return the turns and the stretches, (..., 3, 3) each, whose product linear maps are."""
    left, values, right = np.linalg.svd(gradients)
    sign = np.sign(np.linalg.det(left @ right))
    left[..., 2] *= sign[..., None]
    values[..., 2] *= sign
    return left @ right, np.swapaxes(right, -1, -2) @ (values[..., None] * right)


def _nearest_turn(maps: Points) -> Points:
    """Return the rotations nearest to linear maps (..., 3, 3)."""
    return _polar(maps)[0]
