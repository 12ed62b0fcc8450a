"""Meshes whose vertices correspond: those with the same polygons."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.data import Mesh, read_mesh
from kg.errors import KgError

SOME = 500
"""Vertices among which distances are measured."""
MOST_MEASURED = 10_000
"""Edges that are measured: every second one of a mesh that has more, and so on."""
READERS, AHEAD = 8, 64
"""Files that are read at a time, and that are waited for."""
MOST_EDGES, STRETCH = 0.9, 0.1
"""A mesh is in another scale if nine edges of ten are longer by the same factor, within a tenth, and that
is more than a tenth. What is a little larger is stretched."""


class Family(NamedTuple):
    """Two or more files of meshes with the same polygons, and the one that is taken for their rest."""

    files: tuple[Path, ...]
    reference: Path


def families(files: Sequence[Path], *, one_thing: bool) -> list[Family]:
    """Return the families among files, each in the files' order; clouds are in none.

    The reference is the mesh that is most spread out, on which places are told apart best. Of one thing a
    mesh in a larger scale is not more spread out; of several things the larger one is.

    A file that cannot be read is in none: loading it says what is wrong.
    """
    members: dict[bytes, list[Path]] = defaultdict(list)
    crowding: dict[Path, float] = {}
    first: dict[bytes, NDArray[np.float64]] = {}
    with closing(_looks(files, one_thing=one_thing)) as looks:
        for file, look in zip(files, looks, strict=True):
            if look is None:
                continue
            members[look.polygons].append(file)
            if look.crowding is not None:
                crowding[file] = look.crowding
            if look.edges is not None and look.edges is not first.setdefault(look.polygons, look.edges):
                crowding[file] *= _scale(look.edges, first[look.polygons])
    corresponding = []
    for alike in members.values():
        finite = [file for file in alike if file in crowding]
        if len(alike) > 1 and finite:
            corresponding.append(Family(tuple(alike), min(finite, key=crowding.__getitem__)))
    return corresponding


class _Look(NamedTuple):
    """What is kept of a mesh that was read: its polygons' fingerprint, and what it is compared by.

    `crowding` is None of a mesh with NaN, by which no other can be measured; `edges`, some lengths, where no
    scale matters.
    """

    polygons: bytes
    crowding: float | None
    edges: NDArray[np.float64] | None


def _looks(files: Sequence[Path], *, one_thing: bool) -> Generator[_Look | None, None, None]:
    """Yield what is kept of each file, in order, None of clouds and of what cannot be read.

    Each file is read once, several at a time: a disk that many machines share takes a while to answer.
    """

    def look(file: Path) -> _Look | None:
        try:
            mesh = read_mesh(file)
        except KgError:
            return None
        if mesh.is_cloud or mesh.is_soup:
            return None
        finite = bool(np.isfinite(mesh.vertices).all())
        return _Look(
            _polygons(mesh),
            _crowding(mesh.vertices) if finite else None,
            _edge_lengths(mesh) if finite and one_thing else None,
        )

    with ThreadPoolExecutor(READERS) as readers:
        ahead = deque(readers.submit(look, file) for file in files[:AHEAD])
        for file in [*files[AHEAD:], *[None] * len(ahead)]:
            yield ahead.popleft().result()
            if file is not None:
                ahead.append(readers.submit(look, file))


@lru_cache(maxsize=4)
def read_reference(file: Path) -> Mesh:
    """Return a mesh that others are compared with, one after the other."""
    return read_mesh(file)


def _polygons(mesh: Mesh) -> bytes:
    """Return a fingerprint of what two meshes share if vertex i is the same place on both."""
    sizes = np.array([len(mesh.vertices), *mesh.sizes], dtype=np.int64)
    return hashlib.sha256(sizes.tobytes() + mesh.corners.tobytes()).digest()


def _scale(here: NDArray[np.float64], there: NDArray[np.float64]) -> float:
    """Return the scale of a mesh beside another one; 1 where they differ in more than that, or hardly.

    Args:
        here: (E,), lengths of edges of the mesh.
        there: (E,), of the same edges of the other one.
    """
    extended = (here > 0) & (there > 0)
    if not extended.any():
        return 1.0
    ratio = here[extended] / there[extended]
    scale = float(np.median(ratio))
    scaled = abs(scale - 1) > STRETCH and (np.abs(ratio / scale - 1) <= STRETCH).mean() >= MOST_EDGES
    return scale if scaled else 1.0


def _edge_lengths(mesh: Mesh) -> NDArray[np.float64]:
    """Return the lengths of a mesh's edges, or of some, evenly chosen, where they are many."""
    ends = np.cumsum(mesh.sizes)
    following = np.arange(1, len(mesh.corners) + 1)
    following[ends - 1] = ends - mesh.sizes
    some = slice(None, None, 1 + len(following) // MOST_MEASURED)
    steps = mesh.vertices[mesh.corners[following[some]]] - mesh.vertices[mesh.corners[some]]
    lengths: NDArray[np.float64] = np.linalg.norm(steps, axis=1)
    return lengths


def _crowding(vertices: NDArray[np.float64]) -> float:
    """Return the mean inverse distance of vertices, as of equal charges.

    It is low for cloth spread out, high for cloth folded up, or for a garment lying flat, whose two layers
    could hardly be told apart by where they lie.
    """
    some = vertices[:: 1 + len(vertices) // SOME]
    first, second = np.triu_indices(len(some), 1)
    distances = np.linalg.norm(some[first] - some[second], axis=1)
    # Vertices in one place, as along an open seam, count much but not without end.
    return float((1 / (distances + 1e-3 * distances.max())).mean())
