"""Whether pyvista can render here: tried in another process, because VTK dies where a library is missing."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kg import paths

LIBRARIES = "libegl1 libgl1 libgl1-mesa-dri"
SECONDS = 30
WINDOW_CLASS = "VTK_DEFAULT_OPENGL_WINDOW"
PROGRAM = """
import pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=[32, 32])
plotter.add_mesh(pyvista.Sphere())
raise SystemExit(0 if plotter.screenshot(return_img=True).std() > 1 else 1)
"""


def renders() -> bool:
    """Return whether pyvista renders without a display on this machine.

    A yes is kept in the data folder, for this machine and these versions. A no is not: installing the
    libraries has to help at once.
    """
    record = paths.home() / "cache" / "viz-renders.json"
    if _recorded(record) == _identity():
        return True
    if not _try():
        return False
    with suppress(OSError), paths.replacing(record) as temporary:
        temporary.write_text(json.dumps(_identity()))
    return True


@contextmanager
def headless() -> Iterator[None]:
    """Let VTK make an EGL window while the block runs: on Linux it would first look for a display."""
    if not sys.platform.startswith("linux") or WINDOW_CLASS in os.environ:
        yield
        return
    os.environ[WINDOW_CLASS] = "vtkEGLRenderWindow"
    try:
        yield
    finally:
        del os.environ[WINDOW_CLASS]


def has_display() -> bool:
    """Return whether a window can be opened; outside Linux a desktop is taken for granted."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _try() -> bool:
    try:
        with headless():
            tried = subprocess.run(
                [sys.executable, "-P", "-c", PROGRAM], capture_output=True, timeout=SECONDS, check=False
            )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _identity() -> dict[str, str]:
    identity = {"machine": platform.node(), "system": platform.platform(), "python": sys.executable}
    for package in ("pyvista", "vtk"):
        with suppress(PackageNotFoundError):
            identity[package] = version(package)
    return identity | {WINDOW_CLASS: os.environ.get(WINDOW_CLASS, "")}


def _recorded(record: Path) -> object:
    try:
        return json.loads(record.read_text())
    except (OSError, ValueError):
        return None
