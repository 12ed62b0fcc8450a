"""What motions have in common."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from kg.errors import KgError
from kg.sim import Cloth, Deformation, Garment, Grip, Simulation
from kg.sim.deformation import LAID, evenly_moved, lay_down


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_what_stands_is_laid_down_without_being_mirrored(lying, thin):
    vertices, faces = lying
    stands = vertices[:, [[2, 1, 0], [0, 2, 1], [0, 1, 2]][thin]]
    garment = Garment(Simulation(Cloth.of_mesh(stands, faces)), {})
    lay_down(garment, 0.1)
    laid = garment.positions
    assert np.ptp(laid[:, 2]) < garment.simulation.thickness
    # What was up its length is y, but where y itself was thin: then it is what was z.
    along = stands[:, 2 if thin == 1 else 1]
    assert np.corrcoef(laid[:, 1], along)[0, 1] > 0.99
    turn = np.eye(3)[LAID[thin]] * [[1], [1], [1 if thin == 2 else -1]]
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_back_comes_up_without_being_mirrored(lying):
    vertices, faces = lying
    garment = Garment(Simulation(Cloth.of_mesh(vertices, faces)), {})
    lay_down(garment, 0.1, back=True)
    laid = garment.positions
    assert np.corrcoef(laid[:, 0], vertices[:, 0])[0, 1] < -0.99
    assert np.corrcoef(laid[:, 1], vertices[:, 1])[0, 1] > 0.99
    corners = laid[faces]
    up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    corners = vertices[faces]
    was = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (np.sign(up) == -np.sign(was)).all()


def test_moments_are_chosen_by_how_much_moves_between_them():
    rng = np.random.default_rng(0)
    ways = np.repeat([0.0, 1.0, 0.0, 3.0], 20)
    moments = list(rng.normal(size=(5, 3)) + np.cumsum([0.0, *ways])[:, None, None] * np.array([0, 0.01, 0]))
    kept = evenly_moved(moments, 9)
    assert kept[0] == 0
    between = np.diff([moments[number][0, 1] for number in kept])
    assert between == pytest.approx(0.1, abs=0.031)
    assert evenly_moved(moments, len(moments)).tolist() == list(range(len(moments)))
    # As many as are asked for, even where nothing moves.
    assert (np.diff(evenly_moved([moments[0]] * 30, 10)) > 0).all()


@dataclass(frozen=True)
class Lie(Deformation):
    """A garment lies there and one of its corners is pulled."""

    name: ClassVar[str] = "lie"

    def begin(self, garment, rng):
        self.lie(garment, rng, seconds=0.05)

    def grips(self, garment, rng):
        start = garment.positions[:2].copy()
        yield 0.1, [Grip(np.arange(2), lambda time: start + np.array([0.3 * time, 0, 0]), 0.0, 0.1)]


def positions(lying, **options):
    garment = Garment(Simulation(Cloth.of_mesh(*lying)), {})
    return np.array(list(Lie(seconds=0.3, **options).frames(garment, 5, np.random.default_rng(1))))


def test_yaw_turns_a_whole_sequence_about_the_vertical(lying):
    plain, turned = positions(lying), positions(lying, yaw=180.0)
    assert turned[..., 2] == pytest.approx(plain[..., 2])
    assert np.linalg.norm(turned, axis=2) == pytest.approx(np.linalg.norm(plain, axis=2))
    flat, other = (sequence[..., 0] + 1j * sequence[..., 1] for sequence in (plain, turned))
    far = np.abs(flat) > 0.05
    angles = (other / np.where(far, flat, 1))[far]
    assert np.ptp(angles.real) < 1e-9
    assert abs(angles[0].imag) > 0.05


def test_frames_by_motion_show_only_what_moves(lying):
    by_time, by_motion = positions(lying), positions(lying, frames_by="motion")
    still, moved = (np.abs(np.diff(frames, axis=0)).max(axis=(1, 2)) for frames in (by_time, by_motion))
    assert moved.min() > still.min()


def test_states_tell_where_hands_are_and_what_they_hold(lying):
    garment = Garment(Simulation(Cloth.of_mesh(*lying)), {})
    states = list(Lie(seconds=0.3, yaw=180.0).states(garment, 5, np.random.default_rng(1)))
    assert [state.time for state in states] == pytest.approx(np.linspace(0, 0.3, 5))
    # It holds for a tenth of a second, two vertices: its hand is on one of them.
    assert [len(state.hands) for state in states] == [1, 1, 0, 0, 0]
    for state in states[:2]:
        (vertex,), (place,) = state.held, state.hands
        assert vertex in (0, 1)
        np.testing.assert_allclose(place, state.positions[vertex], atol=1e-9)


@pytest.mark.parametrize("given", [{"back": 1.5}, {"yaw": -1.0}])
def test_what_is_out_of_range_is_refused(given):
    with pytest.raises(KgError, match=next(iter(given))):
        Lie(**given)
