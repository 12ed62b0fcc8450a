"""A data set in which any shape can be made to go wrong, in whatever process reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kg.data.preparing import prepare as prepare_module

Install = Callable[..., Path]

# Tetrahedra; where a file named after a shape lies in the raw folder, what it says happens instead.
MODULE = """
import os, signal, time
import numpy as np
from kg.data import Dataset, Item, Shape
from kg.errors import KgError

class Odd(Dataset):
    name, title, licence, categories = "odd", "Odd", "None", ("c",)

    def items(self, category, raw, options):
        return [Item(f"s{number}", f"s{number}", source=(str(raw), number)) for number in range(40)]

    def load(self, item):
        raw, number = item.source
        happens = os.path.join(raw, item.id)
        if os.path.exists(happens):
            exec(open(happens).read())
        vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1 + number]])
        faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        return Shape(vertices, faces, vertices[:2], np.array([4, 7]), rest_positions=vertices)
"""


@pytest.fixture(scope="session")
def odd_code() -> str:
    """The module `odd_set`, for processes that have to be told."""
    return MODULE


@pytest.fixture
def odd(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A raw folder for the data set "odd"; work is shared out after the first shape."""
    install("odd", {"odd_set": MODULE}, {"kg.datasets odd": "odd_set:Odd"})
    monkeypatch.setattr(prepare_module, "PATIENCE", 0.0)
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"
