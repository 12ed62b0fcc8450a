"""Files of more poses, mixed of those in others (see `kg.data.poses`)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.mesh import Mesh
from kg.data.poses import Poses
from kg.data.read import naming, read_mesh, shape_files
from kg.errors import KgError


def mix_files(
    shapes: Sequence[Path],
    folder: Path,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write so many new poses, `mixed-000.obj` and so on, with the faces of the given ones; return the files.

    Args:
        shapes: Meshes with the same faces, or folders of such.
        folder: Empty, or not there yet.
        count: Poses to make.
        seed: Of what is mixed.
        progress: Called with (done, total) poses.

    Raises:
        KgError: A mesh cannot be read or has other faces than the first, they are fewer than two, or the
            folder has files.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KgError(f"{folder} is there already.", "Name a folder that is empty or new: -o FOLDER")
    files = [file for shape in shapes for file in (shape_files(shape) if shape.is_dir() else [shape])]
    meshes: list[Mesh] = []
    for file in files:
        mesh = read_mesh(file)
        with naming(file):
            if mesh.is_cloud or mesh.is_soup:
                raise KgError("It is no mesh whose vertices could correspond to those of others.")
            if meshes and not mesh.has_topology_of(meshes[0]):
                raise KgError(
                    f"Its faces are not those of {files[0]}.",
                    "Only poses of one mesh can be mixed: vertex i is the same place in all of them.",
                )
        meshes.append(mesh)
    poses = Poses(meshes)
    ends = np.cumsum(meshes[0].sizes)
    faces = "".join(
        f"f {' '.join(map(str, polygon + 1))}\n" for polygon in np.split(meshes[0].corners, ends[:-1])
    )
    written = []
    for number in range(count):
        file = folder / f"mixed-{number:0{max(3, len(str(count - 1)))}d}.obj"
        _write(file, poses.mixed(np.random.default_rng([seed, number])), faces)
        written.append(file)
        progress(number + 1, count)
    return written


def _write(file: Path, vertices: NDArray[np.float64], faces: str) -> None:
    lines = "".join(f"v {x:.7g} {y:.7g} {z:.7g}\n" for x, y, z in vertices.tolist())
    with paths.replacing(file) as temporary:
        temporary.write_text(lines + faces, encoding="utf-8")
