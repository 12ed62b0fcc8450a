"""The loops in numba and in NumPy: one specification, two versions."""

import importlib

import numpy as np
import pytest

from kg.errors import KgError
from kg.sim import Cloth, Settings, Simulation, numpy_contacts
from kg.sim import kernels as choice
from kg.sim.cloth import Links
from kg.sim.contact import STEPS

VERSIONS = ["numba", "numpy"]


def load(version):
    return importlib.import_module(f"kg.sim.{version}_kernels")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_shares_its_correction_by_weight(version):
    positions = np.array([[0.0, 0, 0], [2, 0, 0]])
    links = Links(np.array([[0, 1]]), np.array([1.0]), (1,))
    load(version).keep_lengths(positions, np.array([3.0, 1.0]), links, 0.0, 0.0, 0.0, np.zeros(1))
    assert positions == pytest.approx(np.array([[0.75, 0, 0], [1.75, 0, 0]]))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_link_is_as_stiff_however_often_it_pulls(version):
    positions, pulled = np.array([[0.0, 0, 0], [2, 0, 0]]), np.zeros(1)
    links = Links(np.array([[0, 1]]), np.array([1.0]), (1,))
    for _ in range(4):
        load(version).keep_lengths(positions, np.array([3.0, 1.0]), links, 4.0, 0.0, 0.0, pulled)
        assert positions == pytest.approx(np.array([[0.375, 0, 0], [1.875, 0, 0]]))
    assert pulled == pytest.approx([-0.125])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("length", "becomes"), [(0.8, 0.9), (0.95, 0.96), (1.2, 1.0)])
def test_a_link_is_loose_where_it_is_short_by_less_than_its_slack(version, length, becomes):
    positions = np.array([[0.0, 0, 0], [length, 0, 0]])
    links = Links(np.array([[0, 1]]), np.array([1.0]), (1,))
    # A compliance of 16 beside a weight of 4 leaves a fifth of the way.
    load(version).keep_lengths(positions, np.array([3.0, 1.0]), links, 0.0, 0.1, 16.0, np.zeros(1))
    assert positions[1, 0] - positions[0, 0] == pytest.approx(becomes)


@pytest.mark.parametrize("version", VERSIONS)
def test_friction_takes_back_no_more_than_the_slide(version):
    for friction, left in ((0.5, 0.6), (10.0, 0.0)):
        before = np.array([[0.0, 0, 1]])
        positions = np.array([[1.0, 0, 0.2]])
        load(version).stay_above(positions, before, 1.0, friction)
        assert positions == pytest.approx(np.array([[left, 0, 1]]))


@pytest.mark.parametrize("version", VERSIONS)
def test_how_far_vertices_miss_where_they_were_foreseen(version):
    foreseen, windows = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]), np.array([0.5, 1, 0.1, -1])
    before = foreseen + np.array([[1.0, 0, 0], [0, 0.4, 0], [0, 0, 0], [0, 0, 0]])
    ahead = foreseen + np.array([[0.2, 0, 0], [0, 0, 0.6], [0, 0, 0], [0, 0, 0]])
    velocities = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 3]])
    earlier = foreseen - 0.5 * velocities
    shares = load(version).missed(before, ahead, earlier, velocities, 0.5, windows)
    assert shares.tolist() == [2, 0.6, 0, np.inf]
    assert np.array_equal(earlier, foreseen)


@pytest.mark.parametrize("version", VERSIONS)
def test_lost_vertices_are_foreseen_to_go_on_or_to_stay_if_slow(version):
    before = np.arange(9.0).reshape(3, 3)
    velocities = np.array([[3.0, 0, 4], [0, 0.01, 0], [1, 1, 1]])
    foreseen, windows, going = np.zeros((3, 3)), np.full(3, 7.0), np.full((3, 3), 6.0)
    lost = np.array([True, True, False])
    load(version).foresee(lost, before, velocities, 0.5, 2.0, 0.25, foreseen, windows, going)
    assert going.tolist() == [[3, 0, 4], [0, 0, 0], [6, 6, 6]]
    assert foreseen.tolist() == [[1.5, 1, 4], [3, 4, 5], [0, 0, 0]]
    assert windows.tolist() == [STEPS * 2.5, 0.25, 7]


@pytest.mark.parametrize("version", VERSIONS)
def test_velocities_are_what_was_moved_by(version):
    before = np.array([[0.0, 0, 1]])
    velocities = np.ones((1, 3))
    load(version).finish(before + np.array([[0.1, 0, -0.2]]), before, velocities, 0.01, 0.9)
    assert velocities == pytest.approx(np.array([[9.0, 0, -18]]))


def collide(sheet):
    """Throw one sheet onto another that lies on the ground."""
    vertices, faces = sheet
    above = vertices + np.array([0.013, 0.002, 0.03])
    cloth = Cloth.of_mesh(np.concatenate([vertices, above]), np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth, Settings(step=1 / 1200))
    simulation.positions[:, 2] += simulation.thickness / 2
    simulation.velocities[len(vertices) :] = [1.0, 0.0, -3.0]
    simulation.advance(0.02)
    return simulation


def test_both_versions_agree(lying, monkeypatch):
    vertices, _ = lying
    # Each finds the same pairs in an order of its own, and in another order they are pushed elsewhere.
    monkeypatch.setattr(load("numba"), "find", numpy_contacts.find)
    fast = collide(lying)
    monkeypatch.setenv("KG_KERNELS", "torch")
    plain = collide(lying)
    assert plain._kernels.__name__.endswith("numpy_kernels")
    # They met, so that all of the loops had something to do.
    assert fast.velocities[len(vertices) :, 2].mean() > -1
    np.testing.assert_allclose(plain.positions, fast.positions, atol=1e-9)


def test_an_unknown_backend_is_answered_with_those_there_are(monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "nmba")
    with pytest.raises(KgError) as caught:
        choice.choose()
    assert "Did you mean 'numba'" in caught.value.hint


def test_numpy_takes_over_where_numba_does_not_load(monkeypatch):
    load_module = importlib.import_module

    def broken(name):
        if name.endswith("numba_kernels"):
            raise ImportError("no LLVM")
        return load_module(name)

    monkeypatch.setattr(choice.importlib, "import_module", broken)
    with pytest.warns(UserWarning, match="no LLVM"):
        assert choice.choose().__name__ == "kg.sim.numpy_kernels"
