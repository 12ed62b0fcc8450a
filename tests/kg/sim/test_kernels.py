"""The loops in numba and in NumPy: one specification, two versions."""

import importlib

import numpy as np
import pytest

from kg.sim import Cloth, Settings, Simulation
from kg.sim import kernels as choice
from kg.sim.cloth import Links

VERSIONS = ["numba", "numpy"]


def load(version):
    return importlib.import_module(f"kg.sim.{version}_kernels")


@pytest.mark.parametrize("version", VERSIONS)
def test_contacts_are_all_pairs_within_reach(version):
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(300, 3)) * [0.2, 0.2, 0.02]
    near = np.array([0, 1] + [1] * 299), np.array([1]), np.array([0.001])
    positions[1] = positions[0] + 0.01
    pairs, apart = load(version).contacts(positions, 0.05, 0.03, near)
    gaps = np.linalg.norm(positions[:, None] - positions, axis=2)
    expected = np.argwhere(np.triu(gaps < 0.05, 1))
    assert np.array_equal(np.unique(np.sort(pairs, axis=1), axis=0), expected)
    assert len(pairs) == len(expected)
    exempt = (np.sort(pairs, axis=1) == [0, 1]).all(axis=1)
    assert apart[exempt].tolist() == [0.001]
    assert set(apart[~exempt]) == {0.03}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_shares_its_correction_by_weight(version):
    positions = np.array([[0.0, 0, 0], [2, 0, 0]])
    links = Links(np.array([[0, 1]]), np.array([1.0]), (1,))
    load(version).keep_lengths(positions, np.array([3.0, 1.0]), links, 0.0)
    assert positions == pytest.approx(np.array([[0.75, 0, 0], [1.75, 0, 0]]))


@pytest.mark.parametrize("version", VERSIONS)
def test_friction_takes_back_no_more_than_the_slide(version):
    for friction, left in ((0.5, 0.6), (10.0, 0.0)):
        before = np.array([[0.0, 0, 1]])
        positions = np.array([[1.0, 0, 0.2]])
        load(version).stay_above(positions, before, 1.0, friction)
        assert positions == pytest.approx(np.array([[left, 0, 1]]))


def collide(sheet):
    """Throw one sheet onto another that lies on the ground."""
    vertices, faces = sheet
    above = vertices + np.array([0.013, 0.002, 0.03])
    cloth = Cloth.of_mesh(np.concatenate([vertices, above]), np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth, Settings(step=1 / 1200))
    simulation.positions[:, 2] += simulation.thickness / 2
    simulation.velocities[len(vertices) :] = [1.0, 0.0, -3.0]
    simulation.advance(0.03)
    return simulation


def test_both_versions_agree(lying, monkeypatch):
    vertices, _ = lying
    fast = collide(lying)
    monkeypatch.setenv("KG_KERNELS", "torch")
    plain = collide(lying)
    assert plain._kernels.__name__.endswith("numpy_kernels")
    # They met, so that all of the loops had something to do.
    assert fast.velocities[len(vertices) :, 2].mean() > -1
    np.testing.assert_allclose(plain.positions, fast.positions, atol=1e-9)


def test_numpy_takes_over_where_numba_does_not_load(monkeypatch):
    load_module = importlib.import_module

    def broken(name):
        if name.endswith("numba_kernels"):
            raise ImportError("no LLVM")
        return load_module(name)

    monkeypatch.setattr(choice.importlib, "import_module", broken)
    with pytest.warns(UserWarning, match="no LLVM"):
        assert choice.choose().__name__ == "kg.sim.numpy_kernels"
