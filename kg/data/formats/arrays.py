"""Arrays of points: .npy, .npz, and lines of numbers (.txt, .xyz)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data.mesh import Mesh
from kg.errors import KgError


def read_npy(path: Path) -> Mesh:
    """Read points (N, 3 or more); further columns are passed over.

    Raises:
        KgError: The array has another shape or holds no real numbers.
    """
    return Mesh.of_cloud(_points(np.load(path, allow_pickle=False)))


def read_npz(path: Path) -> Mesh:
    """Read `points`, or `vertices` with `faces` (F, 3), or the only array there is.

    Raises:
        KgError: None of them is there, or an array has another shape.
    """
    with np.load(path, allow_pickle=False) as file:
        named = next((name for name in ("points", "vertices") if name in file.files), None)
        if named is None and len(file.files) != 1:
            raise KgError(f"It holds {', '.join(file.files) or 'nothing'}, but no 'points' or 'vertices'.")
        points = _points(file[named or file.files[0]])
        if named != "vertices" or "faces" not in file.files:
            return Mesh.of_cloud(points)
        faces = file["faces"]
        if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
            raise KgError(f"Its faces are {faces.dtype} {faces.shape}, not integers (F, 3).")
        return Mesh.of_triangles(points, faces.astype(np.int64))


def read_text(path: Path) -> Mesh:
    """Read one point a line, x y z and what else there is, parted by spaces or commas.

    Raises:
        KgError: A line is no point, or the lines differ in length.
    """
    text = path.read_text(encoding="utf-8", errors="replace").replace(",", " ")
    lines = [line for raw in text.splitlines() if (line := raw.split("#", 1)[0].strip())]
    if not lines:
        raise KgError("It holds no points.")
    try:
        return Mesh.of_cloud(_points(np.loadtxt(lines, ndmin=2)))
    except ValueError as error:
        raise KgError(f"It is no list of points: {error}") from error


def _points(array: NDArray[np.generic]) -> NDArray[np.float64]:
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise KgError(f"It holds {array.dtype} {array.shape}, not numbers (N, 3).")
    return array[:, :3].astype(np.float64)
