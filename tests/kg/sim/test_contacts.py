"""Contacts of cloth with itself: what is found, held back and pushed apart, and that nothing ever crosses."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from kg.sim import Cloth, Settings, Simulation, contact
from kg.sim.contact import NEAREST, NO_VERTEX, ContactMesh, Contacts, Pairs
from kg.sim.crossings import crossings
from kg.sim.numba_sides import between as compiled_between
from kg.sim.numpy_contacts import THROW, apart

VERSIONS = ["numba", "numpy"]
THICKNESS = 0.005


def load(version):
    return importlib.import_module(f"kg.sim.{version}_kernels")


def measured(version, places, split):
    """Return the shares of four corners (4, 3), and the vector between nearest points."""
    if version == "numpy":
        shares, between = apart(places, np.array([[0, 1, 2, 3]], np.uint32), split)
        return shares[0], between[0]
    values = compiled_between(places, 0, 1, 2, 3, split == 1)
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
    mesh = ContactMesh.of_cloth(Cloth.of_mesh(vertices, faces), (THICKNESS, THICKNESS / 2))
    positions = vertices * [0.6, 1, 0.6] + rng.normal(size=vertices.shape) * 0.01
    return mesh, positions, rng.normal(size=vertices.shape) * 0.01, rng.uniform(0.001, 0.01, len(vertices))


@pytest.mark.parametrize("count", [1, 2, 7, 8, 100])
def test_every_half_of_a_tree_holds_half_of_the_sides_beyond_a_plane(count):
    places = np.random.default_rng(count).normal(size=(count, 3)) * [1, 3, 2]
    places[::5] = places[0]
    leaves = contact.as_leaves(np.arange(count, dtype=np.uint32)[:, None], places)[:, 0]
    assert sorted(leaves[leaves != NO_VERTEX]) == list(range(count))
    assert count <= len(leaves) < 2 * count
    size = len(leaves)
    while size > 1:
        for node in leaves.reshape(-1, size):
            low, high = (places[half[half != NO_VERTEX]] for half in (node[: size // 2], node[size // 2 :]))
            assert len(low) - len(high) in (0, 1)
            if len(high):
                axis = np.ptp(np.concatenate([low, high]), axis=0).argmax()
                assert low[:, axis].max() <= high[:, axis].min()
        size //= 2


NONE = (Pairs.none(), Pairs.none())


def listed(mesh, split):
    """Return all pairs (P, 4) of one kind whose sides have no vertex in common."""
    leaves = (mesh.vertices, mesh.faces) if split == 1 else (mesh.edges, mesh.edges)
    sides, others = (some[some[:, 0] != NO_VERTEX] for some in leaves)
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
    return thickness if split == 1 else thickness / 2


def keys(pairs):
    rows = [tuple(row) for row in pairs.tolist()]
    assert len(set(rows)) == len(rows)
    return set(rows)


def brought_near(positions, pairs, split, reaches):
    """Return how near pairs (P,) come when their vertices go as far towards each other as they may."""
    _, between = apart(positions, pairs, split)
    towards = between / np.linalg.norm(between, axis=1)[:, None]
    sign = np.repeat([-1, 1], [split, 4 - split])
    places = positions[pairs] + (sign * reaches[pairs])[:, :, None] * towards[:, None]
    each = np.arange(4 * len(pairs)).reshape(-1, 4)
    gaps = np.linalg.norm(apart(places.reshape(-1, 3), each, split)[1], axis=1)
    passed = (apart(places.reshape(-1, 3), each, split)[1] * between).sum(axis=1) < 0
    return np.where(passed, 0, gaps)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_pairs_are_found_that_may_meet_on_their_ways(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    everything = np.ones(len(positions), dtype=bool)
    found = load(version).find(positions, 10 * ways, 0.1, mesh, reaches, NONE, everything)
    for kind, split in zip(found, (1, 2), strict=True):
        pairs, most = listed(mesh, split), closest(split, THICKNESS)
        meet = np.any(
            [
                brought_near(positions + time * ways, pairs, split, reaches) < most
                for time in np.linspace(0, 1, 20)
            ],
            axis=0,
        )
        reach = reaches[pairs[:, :split]].max(axis=1) + reaches[pairs[:, split:]].max(axis=1) + most
        gaps = np.linalg.norm(apart(positions, pairs, split)[1], axis=1)
        farthest = gaps < reach + 2 * np.linalg.norm(ways, axis=1).max()
        assert 100 < meet.sum() < 0.7 * len(pairs)
        assert keys(pairs[meet]) <= keys(kind.corners) <= keys(pairs[farthest])
        assert kind.gaps == pytest.approx(np.linalg.norm(apart(positions, kind.corners, split)[1], axis=1))
        for pair, speed in zip(kind.corners.astype(int), kind.closing, strict=True):
            between = ways[pair[:split], None] - ways[pair[split:]]
            assert speed == pytest.approx(10 * np.linalg.norm(between, axis=2).max())


@pytest.mark.parametrize("version", VERSIONS)
def test_only_pairs_of_lost_vertices_are_found_anew(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    kernels, everything = load(version), np.ones(len(positions), dtype=bool)
    first = kernels.find(positions, 10 * ways, 0.1, mesh, reaches, NONE, everything)
    first = tuple(kind._replace(gaps=np.full(len(kind.corners), 7.0)) for kind in first)
    lost = np.zeros(len(positions), dtype=bool)
    lost[[3, 17, 40]] = True
    positions[lost] += 0.03
    again = kernels.find(positions, 10 * ways, 0.1, mesh, reaches, first, lost)
    whole = kernels.find(positions, 10 * ways, 0.1, mesh, reaches, NONE, everything)
    for kind, expected, split in zip(again, whole, (1, 2), strict=True):
        assert keys(kind.corners) == keys(expected.corners)
        new = lost[kind.corners].any(axis=1)
        assert np.array_equal(kind.gaps != 7, new)
        # What is not lost may be anywhere in its window.
        away = np.where(lost, 0, reaches)[kind.corners[new]]
        nearer = away[:, :split].max(axis=1) + away[:, split:].max(axis=1)
        gaps = np.linalg.norm(apart(positions, kind.corners[new], split)[1], axis=1)
        assert kind.gaps[new] == pytest.approx(gaps - nearer)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_tangled_is_let_through_and_nothing_else(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    everything, marked = np.ones(len(positions), dtype=bool), np.zeros(len(positions), dtype=bool)
    marked[5:40:3] = True
    find = load(version).find
    whole = find(positions, 10 * ways, 0.1, mesh, reaches, NONE, everything)
    found = find(positions, 10 * ways, 0.1, replace(mesh, tangled=marked), reaches, NONE, everything)
    for kind, complete, split in zip(found, whole, (1, 2), strict=True):
        both = marked[complete.corners[:, :split]].any(axis=1) & marked[complete.corners[:, split:]].any(
            axis=1
        )
        assert 50 < both.sum() < len(both) - 50
        assert keys(kind.corners) == keys(complete.corners[~both])


@pytest.mark.parametrize("version", VERSIONS)
def test_neighbours_may_be_as_near_as_they_are_at_rest(version, crumpled):
    mesh, positions, ways, reaches = crumpled
    kernels, everything = load(version), np.ones(len(positions), dtype=bool)
    # So thick that sides beside each other lie nearer at rest.
    thickness = 0.05
    thick = replace(mesh, apart=(thickness, thickness / 2))
    found = kernels.find(positions, 10 * ways, 0.1, thick, reaches, NONE, everything)
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


@pytest.mark.parametrize("version", VERSIONS)
def test_where_a_mesh_is_fine_neighbours_may_be_nearer(version, make_sheet):
    vertices, faces = make_sheet(6, 7)
    # Two columns lie so close together that sides around them are nearer to each other than the thickness.
    vertices[:, 0] = np.interp(vertices[:, 0], [0, 0.06, 0.08, 0.14], [0, 0.06, 0.061, 0.121])
    kernels, cloth = load(version), Cloth.of_mesh(vertices, faces)
    marked = Contacts(kernels, cloth, (0.005, 0.0025))._mesh
    assert 0 < marked.crowded.sum() < len(vertices)
    given = vertices, 0 * vertices, 0.0, marked, np.full(len(vertices), 0.02), NONE
    everything = np.ones(len(vertices), dtype=bool)
    found = kernels.find(*given, everything)
    anywhere = replace(marked, crowded=everything)
    for kind, other in zip(found, kernels.find(*given[:3], anywhere, *given[4:], everything), strict=True):
        assert 0 < (kind.apart < kind.apart.max()).mean() < 0.5
        assert np.array_equal(kind.apart, other.apart)


def test_a_tree_has_each_side_once(crumpled):
    mesh, *_ = crumpled
    vertices, triangles = 7 * 8, 2 * 6 * 7
    for leaves, count in (
        (mesh.vertices, vertices),
        (mesh.faces, triangles),
        (mesh.edges, vertices + triangles - 1),
    ):
        assert len(leaves).bit_count() == 1
        assert len(keys(leaves[leaves[:, 0] != NO_VERTEX])) == count


STILL = np.zeros((4, 3))
STEP = 0.001


def pair_of(split):
    """Return the places of four corners and the pair that they make, 3 mm apart along z."""
    places = np.array([[0.2, 0.2, 0.003], [0, 0, 0], [1, 0, 0], [0, 1, 0]])
    if split == 2:
        places = np.array([[-0.5, 0.1, 0.003], [0.5, 0.1, 0.003], [0, -0.5, 0], [0, 1, 0]])
    pair = Pairs(np.array([[0, 1, 2, 3]], np.uint32), np.array([THICKNESS]), *np.zeros((2, 1)))
    kinds = (pair, Pairs.none()) if split == 1 else (Pairs.none(), pair)
    return places, kinds


def held_back(version, positions, before, kinds, foreseen=None, windows=9.0, velocities=STILL, passes=0):
    """Return where vertices are whose steps were cut short."""
    held, foreseen = positions.copy(), before if foreseen is None else foreseen
    load(version).hold_back(held, before, foreseen, np.full(4, windows), velocities, STEP, kinds, passes)
    return held


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_neither_side_goes_farther_than_leaves_room_for_the_other(version, split):
    before, kinds = pair_of(split)
    room = (0.003 - NEAREST * THICKNESS) / 2
    positions = before.copy()
    positions[:split] += [0.004, 0, -0.01]
    positions[split:] += [0, 0, 0.01]
    held = held_back(version, positions, before, kinds)
    assert held[:, 2] - before[:, 2] == pytest.approx([-room] * split + [room] * (4 - split))
    # They slide along the plane between them.
    assert held[:split, 0] - before[:split, 0] == pytest.approx([0.004] * split)
    assert held_back(version, held, before, kinds) == pytest.approx(held, abs=1e-15)


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_steps_apart_and_steps_together_are_not_cut(version, split):
    before, kinds = pair_of(split)
    apart_, together = before.copy(), before + np.array([0.3, 0, -0.5])
    apart_[:split, 2] += 0.1
    assert np.array_equal(held_back(version, apart_, before, kinds), apart_)
    velocities = np.tile([0.3, 0, -0.5], (4, 1)) / STEP
    kinds[split - 1].gaps[:] = 0
    foreseen = before + STEP * velocities
    held = held_back(version, together, before, kinds, foreseen, velocities=velocities)
    assert np.array_equal(held, together)


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_pressed_goes_on_where_its_plane_does(version, split):
    before, kinds = pair_of(split)
    before[:split, 2] = NEAREST * THICKNESS
    for sign, follower in ((-1, slice(split)), (1, slice(split, 4))):
        together = before + np.array([0, 0, sign * 0.01])
        assert np.array_equal(held_back(version, together, before, kinds, passes=1), together)
        still = held_back(version, together, before, kinds)
        assert still[follower] == pytest.approx(before[follower], abs=1e-12)
        # The one behind is as slow as the one ahead.
        behind = before + np.array([0, 0, sign * 0.004])
        behind[follower, 2] += sign * 0.006
        held = held_back(version, behind, before, kinds, passes=16)
        assert held[:, 2] - before[:, 2] == pytest.approx(np.full(4, sign * 0.004))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stack_stops_where_its_lowest_does(version):
    """Six layers, pressed on each other, all go down; the lowest hardly can."""
    layer = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    least = NEAREST * THICKNESS
    before = np.concatenate([layer + np.array([0, 0, number * least]) for number in range(6)])
    corners = np.array(
        [
            [3 * upper + corner, *range(3 * upper - 3, 3 * upper)]
            for upper in range(1, 6)
            for corner in range(3)
        ],
        np.uint32,
    )
    kinds = (Pairs(corners, np.full(15, THICKNESS), *np.zeros((2, 15))), Pairs.none())
    positions = before - np.array([0, 0, 0.01])
    positions[:3] = before[:3] - np.array([0, 0, 0.001])
    for passes, down in ((16, 0.001), (3, 0.001), (0, 0.0)):
        held = positions.copy()
        load(version).hold_back(
            held, before, before, np.full(18, 9.0), np.zeros((18, 3)), STEP, kinds, passes
        )
        assert (before - held)[:3, 2] == pytest.approx(0.001)
        assert (before - held)[-3:, 2] == pytest.approx(down)


@pytest.mark.parametrize("version", VERSIONS)
def test_one_that_is_cut_short_is_in_the_way_of_who_follows(version):
    # Three points above a triangle each, all falling as foreseen; only the lowest is stopped.
    floor = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    places = np.concatenate([floor, floor + np.array([0, 0, 0.002]), [[0.2, 0.2, 0.004]]])
    velocities = np.repeat([[0.0, 0, 0], [0, 0, -10], [0, 0, -10]], [3, 3, 1], axis=0)
    corners = np.array([[3, 0, 1, 2], [6, 3, 4, 5]], np.uint32)
    closing = np.array([10.0, 0.0])
    kinds = (Pairs(corners, np.full(2, THICKNESS), closing, np.array([0.002, 0.002])), Pairs.none())
    positions = places + STEP * velocities
    load(version).hold_back(positions, places, positions.copy(), np.full(7, 9.0), velocities, STEP, kinds, 0)
    least = NEAREST * THICKNESS
    assert positions[3, 2] >= (0.002 + least) / 2 - 1e-12
    assert positions[6, 2] >= positions[3, 2] + least - 1e-12


@pytest.mark.parametrize("version", VERSIONS)
def test_no_vertex_leaves_its_window(version):
    rng = np.random.default_rng(0)
    foreseen, windows = rng.normal(size=(50, 3)), rng.uniform(0.1, 1, 50)
    ways = rng.normal(size=(2, 50, 3))
    before = foreseen + 0.9 * windows[:, None] * ways[0] / np.linalg.norm(ways[0], axis=1)[:, None]
    positions = before + 0.5 * ways[1]
    held = positions.copy()
    velocities = np.zeros((50, 3))
    load(version).hold_back(held, before, foreseen, windows, velocities, STEP, NONE, 0)
    away = np.linalg.norm(held - foreseen, axis=1)
    assert (away <= windows * (1 + 1e-9)).all()
    inside = np.linalg.norm(positions - foreseen, axis=1) <= windows
    assert 0 < inside.sum() < 50
    assert np.array_equal(held[inside], positions[inside])
    assert away[~inside] == pytest.approx(windows[~inside])
    shares = (held - before)[~inside] / (positions - before)[~inside]
    assert np.ptp(shares, axis=1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("version", VERSIONS)
def test_gaps_are_never_more_than_distances(version, crumpled):
    mesh, positions, ways, windows = crumpled
    kernels, rng = load(version), np.random.default_rng(3)
    everything = np.ones(len(positions), dtype=bool)
    kinds = kernels.find(positions, 10 * ways, 0.1, mesh, windows, NONE, everything)
    for _ in range(5):
        before, velocities = positions.copy(), 10 * ways
        positions = before + STEP * velocities + rng.normal(size=positions.shape) * 1e-4
        kernels.hold_back(positions, before, positions.copy(), windows, velocities, STEP, kinds, 0)
        masses = np.ones(len(positions))
        kernels.keep_apart(positions, before, velocities, STEP, masses, kinds, 0.5)
        kernels.go_on(positions, before, velocities, STEP, kinds)
        for kind, split in zip(kinds, (1, 2), strict=True):
            gaps = np.linalg.norm(apart(positions, kind.corners, split)[1], axis=1)
            assert (kind.gaps <= gaps + 1e-12).all()
            assert (kind.gaps > 0.5 * gaps).any()


@pytest.mark.parametrize("friction", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sides_are_pushed_to_their_thickness_with_friction(version, split, friction):
    before, kinds = pair_of(split)
    start, inverse_masses = before.copy(), np.array([1.0, 2, 3, 4])
    start[:split, 0] += 1e-4
    positions = start.copy()
    shares, _ = measured(version, positions, split)
    load(version).keep_apart(positions, before, STILL, STEP, inverse_masses, kinds, friction)
    momentum = ((positions - start) / inverse_masses[:, None]).sum(axis=0)
    assert momentum == pytest.approx(0, abs=1e-15)
    assert np.linalg.norm(measured(version, positions, split)[1]) == pytest.approx(THICKNESS, rel=1e-4)
    slid = shares @ (positions - before)
    # They were pushed by 2 mm, and slid by 0.1 mm.
    assert slid == pytest.approx([1e-4 - min(1e-4, friction * 0.002), 0, 0.002], abs=1e-12)


@pytest.mark.parametrize("version", VERSIONS)
def test_one_that_hardly_counts_is_not_thrown_where_the_others_are_held(version):
    # The edge ends a tenth beyond the other one: its free end would have to go ten times as far as they lack.
    before, kinds = pair_of(2)
    before[:2] = [[-0.1, 0, 0.001], [0.9, 0, 0.001]]
    before[2:] = [[0, -0.5, 0], [0, 0.5, 0]]
    positions = before.copy()
    load(version).keep_apart(positions, before, STILL, STEP, np.array([0.0, 1, 0, 0]), kinds, 0.5)
    moved = np.linalg.norm(positions - before, axis=1)
    assert moved[[0, 2, 3]].max() == 0
    assert moved[1] == pytest.approx(THROW * (THICKNESS - 0.001))


@pytest.mark.parametrize("split", [1, 2], ids=["triangle", "edges"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sides_that_are_far_enough_apart_are_let_be(version, split):
    before, kinds = pair_of(split)
    positions = before.copy()
    positions[:split, 2] = 0.006
    start = positions.copy()
    load(version).keep_apart(positions, before, STILL, STEP, np.ones(4), kinds, 0.5)
    assert np.array_equal(positions, start)


@pytest.mark.parametrize("passes", [0, 16], ids=["still", "going"])
def test_both_versions_agree(crumpled, passes):
    mesh, positions, ways, windows = crumpled
    lost = np.random.default_rng(2).random(len(positions)) < 0.5
    given = (positions, 10 * ways, 0.1, mesh, windows, NONE, lost)
    sets = [load(version).find(*given) for version in VERSIONS]
    for one, other in zip(*sets, strict=True):
        assert keys(one.corners) == keys(other.corners)
    ends = []
    for version in VERSIONS:
        kinds = tuple(kind._replace(gaps=kind.gaps.copy()) for kind in sets[0])
        moved = positions + ways
        masses = np.linspace(1, 2, len(positions))
        load(version).hold_back(moved, positions, positions, windows, 5 * ways, 0.1, kinds, passes)
        held = moved.copy()
        load(version).keep_apart(moved, positions, 5 * ways, 0.1, masses, kinds, 0.5)
        ends.append((held, moved))
    (fast, fast_pushed), (plain, plain_pushed) = ends
    assert np.abs(fast - positions - ways).max() > THICKNESS / 10
    assert np.abs(fast_pushed - fast).max() > THICKNESS / 10
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fast_pushed, plain_pushed, rtol=0, atol=1e-12)


def thrown(make_sheet, seed, speed, *, on_ground, settings=None):
    """Throw two turning sheets at each other, at any angles, in the air or with a corner on the ground."""
    rng = np.random.default_rng(seed)
    vertices, faces = make_sheet(8, 9)
    vertices -= vertices.mean(axis=0)
    sheets = [vertices @ np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2)]
    way = rng.normal(size=3)
    way /= np.linalg.norm(way)
    sheets[1] = sheets[1] + ((sheets[0] @ way).max() - (sheets[1] @ way).min() + 0.02) * way
    rest = np.concatenate([vertices, vertices + np.array([0, 0.3, 0])])
    cloth = Cloth.of_mesh(rest, np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth, settings)
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
        if crossings([simulation.positions], simulation.cloth.faces) != [0]:
            return True
    return False


@pytest.mark.parametrize("on_ground", [False, True], ids=["air", "ground"])
@pytest.mark.parametrize(("speed", "seconds"), [(5, 0.08), (20, 0.04), (40, 0.06)])
def test_nothing_crosses_however_fast(make_sheet, speed, seconds, on_ground):
    for seed in range(3):
        assert not crosses(thrown(make_sheet, seed, speed, on_ground=on_ground), seconds)


@pytest.mark.parametrize("on_ground", [False, True], ids=["air", "ground"])
def test_nothing_crosses_where_planes_go(make_sheet, on_ground):
    going = Settings(together=True)
    for seed in range(3):
        assert not crosses(thrown(make_sheet, seed, 20, on_ground=on_ground, settings=going), 0.04)


def test_without_bounds_it_would_cross(make_sheet, monkeypatch):
    monkeypatch.setattr(contact.Contacts, "hold_back", lambda *_: None)
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
