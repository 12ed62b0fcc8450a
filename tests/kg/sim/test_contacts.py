"""Contacts of cloth with itself: what is found, measured and pushed apart, and that nothing ever crosses."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from kg.sim import Cloth, Settings, Simulation, contact
from kg.sim.contact import EDGES_CLOSER, ContactMesh, Pairs
from kg.sim.crossings import crossings
from kg.sim.numba_contacts import _apart
from kg.sim.numpy_contacts import apart

VERSIONS = ["numba", "numpy"]
THICKNESS = 0.005


def load(version):
    return importlib.import_module(f"kg.sim.{version}_contacts")


def measured(version, places, split):
    """Return the shares of four corners (4, 3), and the vector between nearest points."""
    if version == "numpy":
        shares, between = apart(places, np.array([[0, 1, 2, 3]], np.uint32), split)
        return shares[0], between[0]
    values = _apart(places, 0, 1, 2, 3, split == 1)
    return np.array(values[:4]), np.array(values[4:])


def nearest(places, split):
    """Return the distance of two sides as a minimum that a general solver finds."""
    a, b, c, d = places
    start, steps = (b - a, np.array([c - b, d - b])) if split == 1 else (c - a, np.array([a - b, d - c]))
    bound = [{"type": "ineq", "fun": lambda shares: 1 - shares.sum()}] if split == 1 else []
    size = np.abs(places).max()
    found = [
        minimize(
            lambda shares: (((start + shares @ steps) / size) ** 2).sum(),
            first,
            method="SLSQP",
            bounds=[(0, 1)] * 2,
            constraints=bound,
            options={"ftol": 1e-16},
        ).fun
        for first in ([0.3, 0.3], [0.0, 1.0], [1.0, 0.0])
    ]
    return size * np.sqrt(min(found))


def awkward(split):
    """Return sides that are parallel, in one plane or without length."""
    a, b, c, d = np.eye(3)[0], np.eye(3)[1], np.eye(3)[2], np.ones(3)
    if split == 1:
        corners = [(d, a, a, b), (d, a, b, b), (d, a, b, a), (d, a, a, a), (2 * a, 0 * a, a, 3 * a)]
        corners += [(c + 5 * a, 0 * a, a, b), (0.2 * a + 0.2 * b, 0 * a, a, b), (d, 0 * a, 0 * a, b)]
    else:
        corners = [(0 * a, a, c, a + c), (0 * a, a, c + 0.5 * a, c - 4 * a), (0 * a, a, c + 3 * a, c + 2 * a)]
        corners += [(a, a, b, c), (b, c, a, a), (a, a, d, d), (0 * a, a, 2 * a, 3 * a), (-a, a, -b, b)]
        corners += [(0 * a, a, c, a + c + 1e-7 * b), (0 * a, 1e-6 * a, b, d)]
    return [np.array(places) for places in corners]


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_nearest_points_of_two_sides(version, split):
    rng = np.random.default_rng(split)
    for places in [*awkward(split), *rng.normal(size=(40, 4, 3)) * rng.choice([0.02, 1, 1], (40, 1, 3))]:
        shares, between = measured(version, places, split)
        assert shares @ places == pytest.approx(between)
        assert np.linalg.norm(between) == pytest.approx(nearest(places, split), abs=2e-6)
        assert shares[:split].sum() == pytest.approx(1)
        assert shares[split:].sum() == pytest.approx(-1)
        assert (shares * np.repeat([1, -1], [split, 4 - split]) >= -1e-12).all()


@pytest.fixture
def crumpled(make_sheet):
    """A sheet whose vertices have been thrown together in a box, and how they go on."""
    vertices, faces = make_sheet(6, 7)
    rng = np.random.default_rng(0)
    mesh = ContactMesh.of_cloth(Cloth.of_mesh(vertices, faces), THICKNESS)
    positions = vertices * [0.6, 1, 0.6] + rng.normal(size=vertices.shape) * 0.01
    return mesh, positions, rng.normal(size=vertices.shape) * 0.01, rng.uniform(0.001, 0.01, len(vertices))


NONE = (Pairs.none(), Pairs.none())


def listed(mesh, split):
    """Return all pairs (P, 4) of one kind whose sides have no vertex in common."""
    sides, others = (mesh.vertices, mesh.faces) if split == 1 else (mesh.edges, mesh.edges)
    return np.array(
        [
            (*side, *other)
            for one, side in enumerate(sides.tolist())
            for two, other in enumerate(others.tolist())
            if not set(side) & set(other) and (split == 1 or one < two)
        ],
        dtype=np.uint32,
    )


def closest(split, thickness):
    """Return how near the sides of a pair of one kind may come."""
    return thickness if split == 1 else EDGES_CLOSER * thickness


def keys(pairs):
    rows = [tuple(row) for row in pairs.tolist()]
    assert len(set(rows)) == len(rows)
    return set(rows)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_pairs_are_found_that_may_meet_on_their_ways(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    everything = np.ones(len(positions), dtype=bool)
    found = load(version).find(positions, ways, mesh, reaches, THICKNESS, NONE, everything)
    for kind, split in zip(found, (1, 2), strict=True):
        pairs = listed(mesh, split)
        reach = reaches[pairs[:, :split]].max(axis=1) + reaches[pairs[:, split:]].max(axis=1)
        reach += closest(split, THICKNESS)
        gaps = np.array(
            [
                np.linalg.norm(apart(positions + time * ways, pairs, split)[1], axis=1)
                for time in np.linspace(0, 1, 20)
            ]
        )
        farthest = gaps[0] < reach + 2 * np.linalg.norm(ways, axis=1).max()
        meet = (gaps < reach).any(axis=0)
        assert 100 < meet.sum() < 0.7 * len(pairs)
        assert keys(pairs[meet]) <= keys(kind.corners) <= keys(pairs[farthest])
        assert (kind.gaps < 0).all()


@pytest.mark.parametrize("version", VERSIONS)
def test_only_pairs_of_lost_vertices_are_found_anew(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    kernels, everything = load(version), np.ones(len(positions), dtype=bool)
    first = kernels.find(positions, ways, mesh, reaches, THICKNESS, NONE, everything)
    first = [replace(kind, gaps=np.full(len(kind.corners), 7.0)) for kind in first]
    lost = np.zeros(len(positions), dtype=bool)
    lost[[3, 17, 40]] = True
    positions[lost] += 0.03
    again = kernels.find(positions, ways, mesh, reaches, THICKNESS, first, lost)
    whole = kernels.find(positions, ways, mesh, reaches, THICKNESS, NONE, everything)
    for kind, expected in zip(again, whole, strict=True):
        assert keys(kind.corners) == keys(expected.corners)
        assert np.array_equal(kind.gaps < 0, lost[kind.corners].any(axis=1))


@pytest.mark.parametrize("version", VERSIONS)
def test_neighbours_may_be_as_near_as_they_are_at_rest(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    kernels, everything = load(version), np.ones(len(positions), dtype=bool)
    # So thick that sides beside each other lie nearer at rest.
    thickness = 0.05
    found = kernels.find(positions, ways, mesh, reaches, thickness, NONE, everything)
    beside = {(i, j) for i in everything.nonzero()[0] for j in mesh.near[mesh.starts[i] : mesh.starts[i + 1]]}
    for kind, split in zip(found, (1, 2), strict=True):
        close = np.array(
            [any((i, j) in beside for i in row[:split] for j in row[split:]) for row in kind.corners.tolist()]
        )
        rest = np.linalg.norm(apart(mesh.rest, kind.corners, split)[1], axis=1)
        usual = closest(split, thickness)
        expected = np.where(close, np.minimum(rest, usual), usual)
        assert kind.apart == pytest.approx(expected)
        assert 0 < (expected < usual).sum() < len(expected)


def surveyed(version, crumpled):
    """Return what a survey of a crumpled sheet was told and what it made of it."""
    mesh, positions, ways, reaches = crumpled
    rng, count = np.random.default_rng(1), len(positions)
    kinds = load("numpy").find(positions, ways, mesh, reaches, THICKNESS, NONE, np.ones(count, dtype=bool))
    for kind in kinds:
        kind.gaps[:] = rng.choice([-1.0, 0.001, 0.02], len(kind.gaps))
    windows, anew = rng.uniform(0.001, 0.005, count), rng.random(count) < 0.1
    bounds, old = windows.copy(), [kind.gaps.copy() for kind in kinds]
    close = load(version).survey(positions, kinds, windows, anew, 0.45, bounds)
    return positions, kinds, old, windows, anew, bounds, close


@pytest.mark.parametrize("version", VERSIONS)
def test_a_survey_measures_what_is_new_and_bounds_what_is_near(version, crumpled):
    positions, kinds, old, windows, anew, bounds, close = surveyed(version, crumpled)
    expected = windows.copy()
    for kind, gaps, rows, split in zip(kinds, old, close, (1, 2), strict=True):
        chosen = []
        for row, corners in enumerate(kind.corners):
            gap = gaps[row]
            if gap < 0 or anew[corners].any():
                gap = np.linalg.norm(measured("numba", positions[corners], split)[1])
            assert kind.gaps[row] == pytest.approx(gap)
            within = kind.apart[row] + windows[corners[:split]].max() + windows[corners[split:]].max()
            if gap < within:
                chosen.append(row)
                expected[corners] = np.minimum(expected[corners], 0.45 * gap)
        assert rows.tolist() == chosen
        assert 0 < len(chosen) < len(kind.corners)
    assert bounds == pytest.approx(expected)


def pair_of(split):
    """Return a single close pair, before and after sliding by 0.1 mm along x."""
    before = np.array([[0.2, 0.2, 0.003], [0, 0, 0], [1, 0, 0], [0, 1, 0]])
    if split == 2:
        before = np.array([[-0.5, 0.1, 0.003], [0.5, 0.1, 0.003], [0, -0.5, 0], [0, 1, 0]])
    positions = before.copy()
    positions[:split, 0] += 1e-4
    kinds = [Pairs.none(), Pairs.none()]
    kinds[split - 1] = Pairs(np.array([[0, 1, 2, 3]], np.uint32), np.array([THICKNESS]), np.array([0.003]))
    close = [np.arange(len(kind.corners)) for kind in kinds]
    return before, positions, kinds, close


@pytest.mark.parametrize("friction", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sides_are_pushed_to_their_thickness_with_friction(version, split, friction):
    before, positions, kinds, close = pair_of(split)
    start, inverse_masses = positions.copy(), np.array([1.0, 2, 3, 4])
    shares, _ = measured(version, positions, split)
    load(version).keep_apart(positions, before, inverse_masses, kinds, close, friction)
    momentum = ((positions - start) / inverse_masses[:, None]).sum(axis=0)
    assert momentum == pytest.approx(0, abs=1e-15)
    assert np.linalg.norm(measured(version, positions, split)[1]) == pytest.approx(THICKNESS, rel=1e-4)
    slid = shares @ (positions - before)
    # They were pushed by 2 mm, and slid by 0.1 mm.
    assert slid == pytest.approx([1e-4 - min(1e-4, friction * 0.002), 0, 0.002], abs=1e-12)


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sides_that_are_far_enough_apart_are_let_be(version, split):
    before, positions, kinds, close = pair_of(split)
    positions[:split, 2] = 0.006
    start = positions.copy()
    load(version).keep_apart(positions, before, np.ones(4), kinds, close, 0.5)
    assert np.array_equal(positions, start)


def test_both_versions_agree(crumpled):
    mesh, positions, ways, reaches = crumpled
    lost = np.random.default_rng(2).random(len(positions)) < 0.5
    sets = [load(version).find(positions, ways, mesh, reaches, THICKNESS, NONE, lost) for version in VERSIONS]
    for one, other in zip(*sets, strict=True):
        assert keys(one.corners) == keys(other.corners)
    (*_, fast, fast_close), (*_, plain, plain_close) = (surveyed(version, crumpled) for version in VERSIONS)
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-15)
    for one, other in zip(fast_close, plain_close, strict=True):
        assert np.array_equal(one, other)
    kinds = sets[0]
    ends = []
    for version in VERSIONS:
        moved = positions.copy()
        masses = np.linspace(1, 2, len(positions))
        close = [np.arange(len(kind.corners)) for kind in kinds]
        load(version).keep_apart(moved, positions - ways, masses, kinds, close, 0.5)
        ends.append(moved)
    assert np.abs(ends[0] - positions).max() > THICKNESS / 10
    # 2e-17 was measured.
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-12)


def thrown(make_sheet, seed, speed, *, on_ground):
    """Throw two turning sheets at each other, at any angles, in the air or with a corner on the ground."""
    rng = np.random.default_rng(seed)
    vertices, faces = make_sheet(8, 9)
    vertices -= vertices.mean(axis=0)
    sheets = [vertices @ np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2)]
    way = rng.normal(size=3)
    way /= np.linalg.norm(way)
    sheets[1] = sheets[1] + ((sheets[0] @ way).max() - (sheets[1] @ way).min() + 0.02) * way
    rest = np.concatenate([vertices, vertices + np.array([0, 0.3, 0])])
    simulation = Simulation(Cloth.of_mesh(rest, np.concatenate([faces, faces + len(vertices)])))
    simulation.positions[:] = np.concatenate(sheets)
    lowest = simulation.positions[:, 2].min()
    simulation.positions[:, 2] += (simulation.thickness / 2 if on_ground else 3) - lowest
    share = rng.random()
    simulation.velocities[: len(vertices)] = speed * share * way + np.cross(rng.normal(size=3), sheets[0])
    simulation.velocities[len(vertices) :] = speed * (share - 1) * way
    return simulation


def crosses(simulation, seconds):
    """Tell whether the cloth passes through itself within so many seconds."""
    for _ in range(round(seconds / 0.002)):
        simulation.advance(0.002)
        if crossings(simulation.positions, simulation.cloth.faces):
            return True
    return False


@pytest.mark.parametrize("on_ground", [False, True], ids=["air", "ground"])
@pytest.mark.parametrize(("speed", "seconds"), [(5, 0.08), (20, 0.04), (40, 0.06)])
def test_nothing_crosses_however_fast(make_sheet, speed, seconds, on_ground):
    for seed in range(3):
        assert not crosses(thrown(make_sheet, seed, speed, on_ground=on_ground), seconds)


def test_without_bounds_it_would_cross(make_sheet, monkeypatch):
    monkeypatch.setattr(contact, "SAFE", 1e6)
    assert all(crosses(thrown(make_sheet, seed, 80, on_ground=False), 0.02) for seed in range(2))


def test_no_bound_slows_what_moves_together(lying):
    vertices, faces = lying
    layers = np.concatenate([vertices, vertices + np.array([0.003, 0.002, 1.5 * THICKNESS])])
    cloth = Cloth.of_mesh(layers, np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth, Settings(drag=0.0))
    simulation.positions[:, 2] += 5
    simulation.velocities[:] = [7.0, 0.0, -20.0]
    simulation.advance(0.1)
    assert simulation.velocities == pytest.approx(np.tile([7, 0, -20 - 0.981], (len(layers), 1)), abs=1e-6)
