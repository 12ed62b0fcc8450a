"""Weights by formula, as the golden numbers of other methods were made with, and how arrays compare."""

import json
from math import prod

import numpy as np
import torch

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


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


def formula_state(folder):
    """Return the state dict that a folder's formula_params.json describes, checked against its sums."""
    state = {}
    for entry in json.loads((folder / "formula_params.json").read_text()):
        name, shape, rule = entry["name"], entry["shape"], entry["rule"]
        values = draws(name, prod(shape))
        if rule == "weight":
            values *= entry["gain"] * np.sqrt(6 / prod(shape[1:]))
        elif rule == "zero":
            state[name] = torch.zeros(shape, dtype=torch.int64)
            continue
        elif rule == "buffer":
            continue
        else:
            base, factor = {
                "bias": (0, 0.1),
                "mean": (0, 0.1),
                "scale": (1, 0.2),
                "var": (1, 0.5),
                "emb": (0, 0.02),
            }[rule]
            values = base + factor * values
        made = values.astype(np.float32)
        assert made[:3].tolist() == entry["first"][:3]
        assert np.isclose(made.astype(np.float64).sum(), entry["sum"], rtol=1e-9, atol=1e-9)
        state[name] = torch.from_numpy(made.reshape(shape))
    return state


def load(path):
    """Return the arrays of an npz file."""
    with np.load(path) as file:
        return dict(file)


def worst(found, expected):
    """Return the largest difference of two arrays."""
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return float(np.abs(found.astype(np.float64) - expected.astype(np.float64)).max())


def relative(found, expected):
    """Return the L2 norm of the difference of two arrays, in norms of the second."""
    found = found.detach().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    expected = expected.astype(np.float64)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
