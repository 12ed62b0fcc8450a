"""A data set whose meshes become sequences."""

import inspect
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.errors import KgError
from kg.sim import Settings
from kg.sim.deformed import Deformed, metres
from kg.sim.mix import Mix
from kg_deformations.drop import Drop
from kg_deformations.hang import Hang

OPTIONS = PrepareOptions(points=64, deform={"name": "drop"})


def alone(how, **cloth):
    return Mix(how.name, ((how, Settings(**cloth)),), (1.0,))


class Towels(Dataset):
    """Two sheets in centimetres, and a cloud."""

    name, title, licence, unit = "towels", "Towels", "None", "centimetre"
    categories = ("towel",)
    keypoints, farthest, parts, steps = 5, 6, ("towel",), ("Ask for them.",)
    loads = 0

    def __init__(self, sheet):
        self.sheet = sheet

    def landmark_names(self, category):
        return {5: "corner"}

    def items(self, category, raw, options):
        return [Item(f"t{number}", object=f"t{number}", source=number) for number in range(3)]

    def load(self, item):
        self.loads += 1
        vertices, faces = self.sheet
        vertices = 100 * vertices
        if item.source == 2:
            return Shape(vertices)
        return Shape(vertices, faces, vertices[:1], np.array([5]))


@pytest.fixture
def towels(lying):
    dataset = Towels(lying)
    return dataset, Deformed(dataset, alone(Drop(seconds=0.06), step=1 / 500), 4, seed=0)


def items(deformed):
    return deformed.items("towel", Path("raw"), OPTIONS)


def test_an_item_a_frame(towels):
    _, deformed = towels
    found = items(deformed)
    assert [item.id for item in found[:5]] == ["t0-000", "t0-001", "t0-002", "t0-003", "t1-000"]
    assert [item.object for item in found[3:5]] == ["t0", "t1"]
    assert [item.frame for item in found[:5]] == [0, 1, 2, 3, 0]
    assert (deformed.name, deformed.variant, deformed.unit) == ("towels", "drop", "centimetre")


def test_what_the_data_set_says_of_itself_holds_when_it_is_deformed(towels):
    dataset, deformed = towels
    own = {"variant": "drop", "by_object": True, "up": "z", "cloth": False}
    for name in inspect.get_annotations(Dataset):
        assert getattr(deformed, name) == own.get(name, getattr(dataset, name))
    with pytest.raises(KgError, match="no category 'sock'"):
        deformed.check_category("sock")
    assert deformed.landmark_names("towel") == {5: "corner"}
    # None is left to the base class, which would answer for no data set at all.
    methods = {name for name, value in vars(Dataset).items() if inspect.isfunction(value)}
    assert {name for name in methods if name not in vars(Deformed)} == set()


def test_a_sequence_is_simulated_once(towels):
    dataset, deformed = towels
    shapes = [deformed.load(item) for item in items(deformed)[:8]]
    assert dataset.loads == 2
    heights = [shape.vertices[:, 2].mean() for shape in shapes[:4]]
    assert heights == sorted(heights, reverse=True)
    # In the units of the source, with its landmarks and its places at rest.
    assert heights[0] > 10
    vertices = 100 * dataset.sheet[0]
    for shape in shapes:
        assert np.array_equal(shape.landmarks[0], shape.vertices[0])
        assert len(shape.vertices) > len(vertices)
        assert np.array_equal(shape.rest_positions[: len(vertices)], vertices)
    assert not np.array_equal(shapes[0].vertices, shapes[4].vertices)


def test_a_fine_mesh_is_carried_by_a_coarser_one(towels, monkeypatch):
    _, deformed = towels
    fine = [deformed.load(item) for item in items(deformed)[:4]]
    monkeypatch.setattr("kg.sim.deformed.MOST", 1000)
    monkeypatch.setattr("kg.sim.deformed.ENOUGH", 700)
    deformed = Deformed(deformed.dataset, deformed.mix, 4, seed=0)
    carried = [deformed.load(item) for item in items(deformed)[:4]]
    assert len(deformed._running.cloth.vertices) < 900
    for one, other in zip(fine, carried, strict=True):
        assert np.array_equal(one.faces, other.faces)
        # In centimetres: it falls and turns as the fine one does, about the mean of its own vertices.
        ways = one.vertices - other.vertices
        assert np.abs(ways - ways.mean(axis=0)).max() < 0.5


def test_coarse_cloth_has_fewer_vertices_whatever_becomes_of_the_mesh(towels, monkeypatch):
    dataset, deformed = towels
    refined = len(deformed.load(items(deformed)[0]).vertices)
    coarse = Deformed(dataset, alone(Drop(seconds=0.06), coarse=2.0), 4, seed=0)
    assert 0.15 < len(coarse.load(items(coarse)[0]).vertices) / refined < 0.4
    # A mesh that is finer than a simulation needs keeps its vertices, carried by fewer.
    monkeypatch.setattr("kg.sim.deformed.MOST", 100)
    monkeypatch.setattr("kg.sim.deformed.ENOUGH", 400)
    dataset.cloth = True
    carried = Deformed(dataset, alone(Drop(seconds=0.06), coarse=2.0), 4, seed=0)
    assert len(carried.load(items(carried)[0]).vertices) == len(dataset.sheet[0])
    assert len(carried._running.cloth.vertices) <= 100


def test_a_frame_tells_its_motion_its_hands_and_the_ground(towels):
    dataset, _ = towels
    how = Hang(seconds=0.4, two=1.0, fabric="denim")
    deformed = Deformed(dataset, Mix("hang", ((how, Settings(step=1 / 500)),), (1.0,)), 4, seed=0)
    moments = [deformed.load(item).moment for item in items(deformed)[:4]]
    motion = json.loads(moments[0].motion)
    assert (motion["name"], motion["fabric"], motion["two"]) == ("hang", "denim", 1.0)
    assert 0.32 <= motion["density"] <= 0.5
    assert {moment.motion for moment in moments} == {moments[0].motion}
    assert [moment.time for moment in moments] == sorted(moment.time for moment in moments)
    # In centimetres, as the meshes are.
    assert moments[0].ground == pytest.approx(0.15)
    assert all(moment.hands.shape == moment.held.shape == (2, 3) for moment in moments)
    assert moments[-1].hands[:, 2].min() > moments[0].hands[:, 2].max()
    assert np.abs(moments[0].held).max() < 100


def test_in_another_fabric_hands_do_the_same(towels):
    dataset, _ = towels
    ways = []
    for fabric in ("default", "silk"):
        how = Hang(seconds=0.4, fabric=fabric)
        deformed = Deformed(dataset, Mix("hang", ((how, Settings(step=1 / 500)),), (1.0,)), 4, seed=0)
        ways.append([deformed.load(item).moment.held for item in items(deformed)[:4]])
    np.testing.assert_allclose(ways[0], ways[1])


def test_proportions_change_at_rest_and_stay_through_a_sequence(towels):
    dataset, deformed = towels
    as_it_is = deformed.load(items(deformed)[0])
    how = Drop(seconds=0.06, proportions=0.3)
    other = Deformed(dataset, Mix("drop", ((how, Settings(step=1 / 500)),), (1.0,)), 4, seed=0)
    frames = [other.load(item) for item in items(other)[:8]]
    factors = np.ptp(frames[0].rest_positions, axis=0)[:2] / np.ptp(as_it_is.rest_positions, axis=0)[:2]
    assert (np.abs(np.log(factors)) <= np.log(1.3)).all()
    assert np.abs(np.log(factors[0] / factors[1])) > 0.01
    np.testing.assert_allclose(frames[0].rest_positions[:, :2], factors * as_it_is.rest_positions[:, :2])
    # No cloth is stretched: edges have the new lengths, and landmarks are still their vertices.
    edges = frames[0].faces[:, :2]
    lengths = [
        np.linalg.norm(np.diff(places[edges], axis=1)[:, 0], axis=1)
        for places in (frames[0].rest_positions, frames[3].vertices)
    ]
    assert np.median(np.abs(lengths[1] / lengths[0] - 1)) < 0.01
    corner = np.linalg.norm(frames[3].vertices - frames[3].landmarks[0], axis=1).argmin()
    np.testing.assert_allclose(
        frames[3].rest_positions[corner], np.append(factors, 1) * as_it_is.rest_positions[corner]
    )
    assert np.ptp(frames[4].rest_positions, axis=0)[0] != np.ptp(frames[0].rest_positions, axis=0)[0]


def test_patterns_are_simulated_as_they_are(towels):
    dataset, deformed = towels
    first = items(deformed)[0]
    assert len(deformed.load(first).faces) > len(dataset.sheet[1])
    dataset.cloth = True
    assert np.array_equal(Deformed(dataset, alone(Drop()), 4, seed=0).load(first).faces, dataset.sheet[1])


def test_a_frame_is_the_same_in_whatever_order(towels):
    _, deformed = towels
    found = items(deformed)
    in_order = [deformed.load(item).vertices for item in found[:4]]
    copy = pickle.loads(pickle.dumps(deformed))
    for number in (2, 0, 3):
        assert np.array_equal(copy.load(found[number]).vertices, in_order[number])


@pytest.mark.parametrize("cloth", [False, True])
def test_a_cloud_is_no_cloth(towels, cloth):
    dataset, deformed = towels
    dataset.cloth = cloth
    with pytest.raises(KgError, match="only a mesh can be deformed"):
        deformed.load(items(deformed)[8])


@pytest.mark.parametrize("how", [50.0, np.nan])
def test_cloth_that_has_burst_is_not_stored(towels, how):
    _, deformed = towels
    first, second = items(deformed)[:2]
    deformed.load(first)
    states = deformed._running.states
    deformed._running.states = (replace(state, positions=how * state.positions) for state in states)
    with pytest.raises(KgError, match=r"The simulation failed: at 0\.02 s cloth of"):
        deformed.load(second)


class Sheets(Dataset):
    """Meshes of any sizes in a unit that may be known, the second of them broken, the last a cloud."""

    name, title, licence = "sheets", "Sheets", "None"

    def __init__(self, sheet, sizes, unit="unknown"):
        self.sheet, self.sizes, self.unit = sheet, sizes, unit

    def items(self, category, raw, options):
        return [Item(str(number), str(number), source=size) for number, size in enumerate([*self.sizes, 1e9])]

    def load(self, item):
        if item.id == "1":
            raise KgError("It is broken.")
        vertices, faces = self.sheet
        # A vertex of no face counts nothing.
        far = np.concatenate([vertices / np.ptp(vertices, axis=0).max() * item.source, [[1e6, 0, 0]]])
        return Shape(far, None if item.source == 1e9 else faces)


@pytest.mark.parametrize(
    ("sizes", "unit"),
    [
        ([0.7, 7, 0.9, 3.2], 1.0),
        ([60, 7, 90, 80], 0.01),
        # Hats on either side of what 3 m would be in centimetres.
        ([290, 7, 301, 280], 0.001),
        ([210, 7, 210], 0.01),
        ([1e-3, 7, 1e-3, 1e-3], 800.0),
        ([0, 7], 1.0),
    ],
)
def test_a_category_has_one_unit_in_which_it_has_a_garments_size(lying, sizes, unit):
    sheets = Sheets(lying, sizes)
    assert metres(sheets, sheets.items("", Path(), OPTIONS)) == pytest.approx(unit)
    if sizes[0]:
        for known, unit_there in (("centimetre", 0.01), ("metre", 1.0)):
            assert metres(Sheets(lying, sizes, known), []) == unit_there


def test_all_meshes_are_simulated_in_the_units_of_their_category(lying):
    """Each begins to fall from half a metre, in millimetres, be it small or 2 m; so does one in metres."""
    sheets = Sheets(lying, [290, 7, 301, 280, 2000, 0.4])
    fall = Drop(seconds=0.2, lowest=0.5, highest=0.5, spin=0)
    deformed = Deformed(sheets, alone(fall), 2, seed=0)
    found = deformed.items("", Path(), OPTIONS)
    heights = [deformed.load(found[2 * number]).vertices[:, 2].min() for number in (0, 2, 4, 5)]
    assert heights == pytest.approx([500, 500, 500, 0.5])
