"""Golden numbers of other methods: weights by formula, inputs and outputs of the released code."""

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
RULES = {"bias": (0, 0.1), "mean": (0, 0.1), "scale": (1, 0.2), "var": (1, 0.5), "emb": (0, 0.02)}


def draws(name, count):
    """Return `count` numbers in [-1, 1): SplitMix64, seeded with the name's FNV-1a hash."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % (1 << 64)
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN_RATIO
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return (state >> np.uint64(40)).astype(np.float64) / 2**23 - 1


class Golden:
    """What the released code of a method gave, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arrays(self, name):
        """Return the arrays of a file."""
        with np.load(self.folder / f"{name}.npz") as file:
            return dict(file)

    def state(self):
        """Return the network's state, every weight by formula, checked against what is recorded of it."""
        state = {}
        for entry in json.loads((self.folder / "formula_params.json").read_text()):
            name, shape, rule = entry["name"], entry["shape"], entry["rule"]
            if rule == "buffer":
                continue
            if rule == "zero":
                state[name] = torch.zeros(shape, dtype=torch.int64)
                continue
            base, factor = RULES.get(rule) or (0, entry["gain"] * np.sqrt(6 / prod(shape[1:])))
            made = (base + factor * draws(name, prod(shape))).astype(np.float32)
            assert made[:3].tolist() == entry["first"]
            assert np.isclose(made.astype(np.float64).sum(), entry["sum"], rtol=1e-9, atol=1e-9)
            state[name] = torch.from_numpy(made.reshape(shape))
        return state


@pytest.fixture
def golden(shared_data):
    """Return a function from a method's folder to its golden numbers."""

    def of(method):
        folder = shared_data / "rivals" / method
        if not folder.is_dir():
            pytest.skip(f"needs golden numbers in {folder} (KG_SHARED_DATA)")
        return Golden(folder)

    return of


@pytest.fixture
def close():
    """Return a check that an array differs from what was recorded by no more than a tolerance."""

    def check(found, expected, absolute=0.0, *, relative=0.0):
        found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
        expected = np.asarray(expected, np.float64)
        assert found.shape == expected.shape
        apart = found - expected
        if relative:
            assert np.linalg.norm(apart) <= relative * np.linalg.norm(expected)
        else:
            assert np.abs(apart).max() <= absolute

    return check
