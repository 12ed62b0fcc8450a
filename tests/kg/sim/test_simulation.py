"""Cloth against what can be worked out by hand."""

import numpy as np
import pytest

from kg.sim import Cloth, Grip, Settings, Simulation
from kg.sim.crossings import crossings

EDGES_APART = Settings().edge_thickness * Settings().thickness
"""Metres that edges of two layers keep; vertices and triangles keep more."""


def hold(vertices, positions, until=np.inf):
    places = positions[vertices].copy()
    return Grip(np.asarray(vertices), lambda time: places, 0.0, until)


def test_a_hanging_sheet_lengthens_as_an_elastic_one(make_sheet):
    vertices, faces = make_sheet(10, 24)
    vertices += np.array([0, 0, 2])
    settings = Settings(stretch=100.0, density=0.4, drag=20.0, step=1 / 20_000)
    cloth = Cloth.of_mesh(vertices, faces)
    simulation = Simulation(cloth, settings)
    grips = [hold(np.flatnonzero(vertices[:, 2] == 2), vertices)]
    for _ in range(5):
        simulation.advance(0.1, grips)
    height = 2 - vertices[:, 2].min()
    lengthened = vertices[:, 2].min() - simulation.positions[:, 2].min()
    expected = settings.density * settings.gravity * height**2 / 2 / settings.stretch
    # The held rim cannot narrow, which takes a little off.
    assert lengthened == pytest.approx(expected, rel=0.08)


def test_free_fall_is_free(lying):
    simulation = Simulation(Cloth.of_mesh(*lying), Settings(drag=0.0))
    simulation.positions[:, 2] += 5
    simulation.advance(0.5)
    fallen = 5 - simulation.positions[:, 2]
    assert fallen == pytest.approx(9.81 * 0.5**2 / 2, rel=0.01)
    assert simulation.kinetic_energy == pytest.approx(
        0.5 * Settings().density * simulation.cloth.areas.sum() * (9.81 * 0.5) ** 2, rel=1e-6
    )


@pytest.mark.parametrize(("degrees", "slides"), [(25, False), (35, True)])
def test_friction_holds_on_a_slope_up_to_its_angle(lying, degrees, slides):
    simulation = Simulation(Cloth.of_mesh(*lying), Settings(ground_friction=np.tan(np.radians(30)), drag=0.0))
    simulation.positions[:, 2] += simulation.thickness / 2
    angle = np.radians(degrees)
    simulation.gravity = 9.81 * np.array([np.sin(angle), 0, -np.cos(angle)])
    start = simulation.positions.copy()
    simulation.advance(0.4)
    moved = (simulation.positions - start)[:, 0].mean()
    if slides:
        acceleration = 9.81 * (np.sin(angle) - np.tan(np.radians(30)) * np.cos(angle))
        assert moved == pytest.approx(acceleration * 0.4**2 / 2, rel=0.05)
    else:
        assert abs(moved) < 1e-4


def test_cloth_comes_to_rest_above_the_ground_and_loses_energy(make_sheet):
    vertices, faces = make_sheet(12, 14)
    simulation = Simulation(Cloth.of_mesh(vertices, faces))
    simulation.positions[:, 2] += 0.5
    simulation.positions[:, 1] += 1e-3 * np.sin(40 * simulation.positions[:, 0])
    energies = []
    for _ in range(30):
        simulation.advance(1 / 15)
        assert simulation.positions[:, 2].min() >= simulation.thickness / 2 - 1e-12
        energies.append(simulation.kinetic_energy)
    assert energies[-1] < 1e-3 * max(energies)
    lengths = np.linalg.norm(
        np.diff(simulation.positions[simulation.cloth.edges.pairs], axis=1)[:, 0], axis=1
    )
    assert np.abs(lengths / simulation.cloth.edges.rest - 1).max() < 0.1


def test_layers_stay_apart(lying, layer_gap):
    vertices, faces = lying
    above = vertices + np.array([0.003, 0.002, 0.1])
    cloth = Cloth.of_mesh(np.concatenate([vertices, above]), np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth)
    simulation.positions[:, 2] += simulation.thickness / 2
    simulation.velocities[len(vertices) :, 2] = -5.0
    simulation.advance(0.3)
    assert layer_gap(simulation) > 0.8 * EDGES_APART
    assert crossings([simulation.positions], cloth.faces) == [0]


def test_layers_that_touch_at_first_part_without_a_jolt(lying, layer_gap):
    vertices, faces = lying
    above = vertices + np.array([0.003, 0.002, 0.001])
    cloth = Cloth.of_mesh(np.concatenate([vertices, above]), np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth)
    simulation.settle()
    assert layer_gap(simulation) > 0.9 * EDGES_APART
    assert simulation.kinetic_energy == 0


def test_a_hand_carries_cloth_and_lets_go(lying):
    vertices, faces = lying
    simulation = Simulation(Cloth.of_mesh(vertices, faces))
    simulation.positions[:, 2] += 1.0
    held = np.arange(13)
    start = simulation.positions[held].copy()
    grip = Grip(held, lambda time: start + np.array([0, 0, time]), 0.0, 0.5)
    simulation.advance(0.4, [grip])
    assert simulation.slip < 1e-9
    assert simulation.positions[held] == pytest.approx(start + np.array([0, 0, 0.4]))
    simulation.advance(0.6, [grip])
    assert simulation.positions[held, 2].mean() < 1.2


def drag_by_a_ribbon(make_sheet, edge, settings):
    """Drag a cloth by a ribbon of it; return by which shares edges are longer than at rest, (E,)."""
    vertices, faces = make_sheet(40, 24, edge)
    vertices = vertices[:, [0, 2, 1]]
    middle = vertices[faces].mean(axis=1)
    ribbon = (middle[:, 0] > 24 * edge) & (np.abs(middle[:, 1] - vertices[:, 1].mean()) < edge)
    used, faces = np.unique(faces[ribbon | (middle[:, 0] < 24 * edge)], return_inverse=True)
    simulation = Simulation(Cloth.of_mesh(vertices[used], faces.reshape(-1, 3)), settings)
    simulation.positions[:, 2] += simulation.thickness / 2
    held = np.flatnonzero(simulation.positions[:, 0] > 39 * edge)
    start = simulation.positions[held].copy()
    grip = Grip(held, lambda time: start + np.array([0.3 * time, 0, 0]), 0.0, 1.0)
    simulation.advance(0.3, [grip])
    i, j = simulation.cloth.edges.pairs.T
    lengths = np.linalg.norm(simulation.positions[i] - simulation.positions[j], axis=1)
    return lengths / simulation.cloth.edges.rest - 1


@pytest.mark.parametrize("edge", [0.02, 0.014, 0.012, 0.005], ids=["usual", "steps", "rounds", "many rounds"])
def test_a_ribbon_that_drags_a_cloth_stretches_no_more_where_edges_are_short(make_sheet, edge):
    assert np.percentile(drag_by_a_ribbon(make_sheet, edge, Settings()), 99) < 0.3


def test_more_rounds_make_stiffer_cloth(make_sheet):
    once, thrice = (drag_by_a_ribbon(make_sheet, 0.02, Settings(rounds=rounds)) for rounds in (1, 3))
    assert np.percentile(thrice, 99) < 0.6 * np.percentile(once, 99)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_edges_that_cross_each_other_keep_their_own_thickness(share):
    # Two triangles on end, the upper one's lowest edge across the lower one's highest: no vertex is near.
    lower = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0, -0.8]])
    upper = np.array([[0, -0.5, 0.01], [0, 0.5, 0.01], [0, 0, 0.81]])
    cloth = Cloth.of_mesh(np.concatenate([lower, upper]), np.arange(6).reshape(2, 3))
    simulation = Simulation(cloth, Settings(thickness=0.2, edge_thickness=share))
    simulation.settle()
    between = simulation.positions[3:5, 2].mean() - simulation.positions[:2, 2].mean()
    assert between == pytest.approx(share * simulation.thickness)


def test_a_ledge_sags_as_an_elastic_plate(make_sheet):
    vertices, faces = make_sheet(10, 12)
    vertices = vertices[:, [0, 2, 1]]
    settings = Settings(bend=5e-3, crease=0.0, drag=20.0, step=1 / 20_000)
    simulation = Simulation(Cloth.of_mesh(vertices, faces), settings)
    simulation.positions[:, 2] += 1.0
    held = np.flatnonzero(vertices[:, 0] < 0.095)
    simulation.advance(0.6, [hold(held, simulation.positions)])
    # The rows that are held end at 0.08 and 0.09 in turn.
    length = vertices[:, 0].max() - 0.085
    sag = 1 - simulation.positions[vertices[:, 0] > vertices[:, 0].max() - 1e-6, 2].mean()
    assert sag == pytest.approx(settings.density * 9.81 * length**4 / 8 / settings.bend, rel=0.1)


def test_hems_lie_along_borders_and_seams_where_a_mesh_is_folded():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0.2], [0, -1, 0]])
    side, long, thick = 1, np.sqrt(2), np.sqrt(1.04)
    folded = Cloth.of_mesh(corners[:4], np.array([[0, 1, 2], [1, 0, 3]]))
    assert folded.sewn().sum() == pytest.approx(side + long + side + np.sqrt(2.04) + thick)
    assert folded.sewn()[2] == pytest.approx((long + side) / 2)
    flat = Cloth.of_mesh(corners[[0, 1, 2, 4]], np.array([[0, 1, 2], [1, 0, 3]]))
    assert flat.sewn().sum() == pytest.approx(2 * (long + side))


def test_a_hem_weighs_and_sags_less(make_sheet):
    vertices, faces = make_sheet(10, 3)
    vertices = vertices[:, [0, 2, 1]]
    cloth, held = Cloth.of_mesh(vertices, faces), np.flatnonzero(vertices[:, 0] < 0.05)
    border, sags = cloth.sewn().sum(), []
    for hem in (0.0, 0.01):
        simulation = Simulation(cloth, Settings(hem=hem, drag=20.0, bend=5e-3, crease=0.0, step=1 / 4000))
        simulation.velocities[:, 0] = 1.0
        mass = 0.2 * (cloth.areas.sum() + hem * border)
        assert simulation.kinetic_energy == pytest.approx(mass / 2)
        simulation.velocities[:] = 0
        simulation.positions[:, 2] += 1
        simulation.advance(0.4, [hold(held, simulation.positions)])
        sags.append(1 - simulation.positions[:, 2].min())
    # A half more mass, and four times the stiffness of half of the vertices.
    assert sags[1] < 0.9 * sags[0]


@pytest.mark.parametrize("axis", [0, 2])
def test_hinges_hold_the_energy_of_a_bent_plate(make_sheet, axis):
    vertices, faces = make_sheet(40, 40)
    cloth, radius = Cloth.of_mesh(vertices, faces), 0.5
    angle = (vertices[:, axis] - vertices[:, axis].mean()) / radius
    bent = vertices.copy()
    bent[:, axis], bent[:, 1] = radius * np.sin(angle), radius * np.cos(angle)
    hinges = cloth.hinges
    bends = np.linalg.norm((hinges.weights[:, :, None] * bent[hinges.corners]).sum(axis=1), axis=1)
    energy = (bends**2 / hinges.areas).sum() / 2
    # Half of the hinges along the border are missing.
    assert energy == pytest.approx(cloth.areas.sum() / radius**2 / 2, rel=0.04)


def test_layers_that_were_thrown_together_part_again(lying, layer_gap):
    vertices, faces = lying
    steep = vertices - vertices.mean(axis=0)
    steep = steep[:, [0, 2, 1]] + np.array([0.11, -0.11, 0.15])
    cloth = Cloth.of_mesh(np.concatenate([vertices, steep]), np.concatenate([faces, faces + len(vertices)]))
    simulation = Simulation(cloth)
    simulation.positions[:, 2] += simulation.thickness / 2
    simulation.velocities[len(vertices) :, 2] = -20.0
    simulation.advance(0.15)
    assert layer_gap(simulation) > 0.7 * EDGES_APART
    assert crossings([simulation.positions], cloth.faces) == [0]


def test_what_passes_through_itself_at_rest_is_let_be_there(crossed):
    simulation = Simulation(Cloth.of_mesh(*crossed))
    simulation.settle()
    assert (simulation.positions == simulation.cloth.rest).all()
    simulation.positions[:, 2] += 0.2
    simulation.advance(0.25)
    edges = simulation.cloth.edges
    lengths = np.linalg.norm(np.diff(simulation.positions[edges.pairs], axis=1)[:, 0], axis=1)
    assert np.abs(lengths / edges.rest - 1).max() < 0.05


def test_what_touches_itself_at_rest_comes_apart(lying):
    vertices, faces = lying
    # The last row's corner lies on the middle of a triangle of the first.
    touching = np.concatenate([vertices, vertices + vertices[faces[0]].mean(axis=0) - vertices[-1]])
    touching[len(vertices) :, 2] = 0.1 * (touching[len(vertices) :, 1] - touching[-1, 1])
    simulation = Simulation(Cloth.of_mesh(touching, np.concatenate([faces, faces + len(vertices)])))
    corner = simulation.positions[-1].copy()
    simulation.velocities[-40:, 2] = 1.0
    simulation.advance(0.05)
    assert simulation.positions[-1, 2] > corner[2] + 0.01


def test_the_same_start_gives_the_same_bytes(lying):
    ends = []
    for _ in range(2):
        simulation = Simulation(Cloth.of_mesh(*lying))
        simulation.positions[:, 2] += 0.1 + 0.3 * simulation.positions[:, 1]
        simulation.advance(0.4)
        ends.append(simulation.positions.tobytes())
    assert ends[0] == ends[1]
