"""Farthest point sampling for preparation: the same points as the network's own sampling."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import ops
from kg.data import farthest
from kg.data.farthest import farthest_of_sorted


def by_ops(cloud, count):
    return ops.farthest_point_sample(torch.from_numpy(cloud)[None], count)[0].numpy()


def sorted_cloud(kind, size, seed):
    rng = np.random.default_rng(seed)
    cloud = {
        "even": lambda: rng.uniform(-1, 1, (size, 3)),
        "lattice": lambda: rng.integers(-3, 4, (size, 3)),  # ties, and points in one place
        "thin": lambda: rng.normal(size=(size, 3)) * [0.01, 1, 1],  # few blocks can be left out
        "clumps": lambda: rng.normal(size=(size, 3)) * 0.01 + rng.integers(0, 3, (size, 1)),
    }[kind]()
    cloud = cloud.astype(np.float32)
    return cloud[np.lexsort(cloud.T[::-1])]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["even", "lattice", "thin", "clumps"]),
    size=st.integers(1, 500),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_the_sampling_of_the_operations(kind, size, share, seed):
    cloud = sorted_cloud(kind, size, seed)
    count = max(1, round(share * size))
    np.testing.assert_array_equal(farthest_of_sorted(cloud, count), by_ops(cloud, count))


def test_without_numba_it_is_slower_and_the_same(monkeypatch):
    cloud = sorted_cloud("even", 300, 0)
    monkeypatch.setitem(sys.modules, "kg.compiling", None)
    farthest._search.cache_clear()
    try:
        assert farthest._search() is farthest._plain
        np.testing.assert_array_equal(farthest_of_sorted(cloud, 100), by_ops(cloud, 100))
    finally:
        farthest._search.cache_clear()


@pytest.mark.parametrize("module", ["kg.data.preparing.prepare", "kg.data.find", "kg_datasets.folder"])
def test_preparing_imports_no_torch(module):
    """Seconds and 200 MB for every worker process."""
    code = f"import sys, {module}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
