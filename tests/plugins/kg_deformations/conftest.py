"""A towel, and motions of it."""

import numpy as np
import pytest

from kg.sim import Cloth, Garment, Settings, Simulation

COARSE = Settings(step=1 / 1200)


@pytest.fixture
def towel(make_sheet):
    vertices, faces = make_sheet(8, 24)
    return vertices[:, [0, 2, 1]], faces


def garment(sheet, places=None):
    vertices, faces = sheet
    return Garment(Simulation(Cloth.of_mesh(vertices, faces), COARSE), places or {})


@pytest.fixture
def make():
    """Return a function that makes a garment of a sheet."""
    return garment


def moved(how, sheet, seed=0, count=9):
    made = garment(sheet)
    return made, list(how.frames(made, count, np.random.default_rng(seed)))


@pytest.fixture
def run():
    """Return a function that returns a garment and its frames."""
    return moved


@pytest.fixture
def tube():
    """A tube of 0.4 m by 0.8 m, pressed nearly flat, its seams at x = -0.2 and 0.2: (vertices, faces)."""
    half = 0.2
    across, along = np.linspace(-half, half, 31), np.linspace(0, 0.8, 41)
    vertices, numbers, faces = [], {}, []
    for layer in (1, -1):
        for j, y in enumerate(along):
            for i, x in enumerate(across):
                seam = i in (0, len(across) - 1)
                numbers[layer, i, j] = numbers[1, i, j] if seam and layer < 0 else len(vertices)
                if not seam or layer > 0:
                    vertices.append([x, y, layer * 0.001 * (1 - (x / half) ** 2)])
        for j in range(len(along) - 1):
            for i in range(len(across) - 1):
                a, b, c, d = (numbers[layer, i + u, j + v] for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)))
                faces += [[a, b, c], [a, c, d]] if layer > 0 else [[c, b, a], [d, c, a]]
    return np.array(vertices), np.array(faces)
