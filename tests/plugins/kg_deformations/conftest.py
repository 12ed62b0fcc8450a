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
