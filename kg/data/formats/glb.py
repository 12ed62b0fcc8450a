"""GLB (binary glTF), through open3d: all objects of the scene as one mesh, each moved to its place."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from kg.data.mesh import Mesh
from kg.errors import KgError


def read_glb(path: Path) -> Mesh:
    """Read the triangles.

    Raises:
        KgError: open3d cannot be imported, or it finds no triangles.
    """
    # Its warnings go to stdout, where results belong, and say more than its exceptions.
    with redirect_stdout(StringIO()) as said:
        try:
            import open3d

            read = open3d.t.io.read_triangle_mesh(str(path))
            vertices = read.vertex["positions"].numpy().astype(np.float64)
            faces = read.triangle["indices"].numpy().astype(np.int64)
        except ImportError as error:
            raise KgError(
                f"Reading it takes open3d, which cannot be imported: {error}",
                "On Debian or Ubuntu: apt-get install libusb-1.0-0 libegl1 libgl1",
            ) from error
        except (RuntimeError, IndexError, KeyError) as error:
            raise KgError(
                f"It has no triangles that can be read. {_plain(said.getvalue())}".strip()
            ) from error
    return Mesh.of_triangles(vertices, faces)


def _plain(said: str) -> str:
    """Return open3d's last warning without its colours and prefix."""
    lines = [line for line in said.splitlines() if "WARNING]" in line]
    return lines[-1].split("WARNING]", 1)[1].split("\x1b", 1)[0].strip() if lines else ""
