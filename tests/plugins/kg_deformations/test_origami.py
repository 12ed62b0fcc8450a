"""Garments folded by geometry alone."""

import numpy as np
import pytest

from kg_deformations.fold import Fold, carry
from kg_deformations.origami import Origami

PLAIN = Origami(sloppiness=0.0, ripple=0.0, loft=0.0, bend=0.0, shear=0.0, slip=0.0, folds=1)


@pytest.fixture
def sheet(make_sheet):
    """A sheet of 0.8 by 1.2 m that lies in x and y."""
    vertices, faces = make_sheet(25, 37)
    vertices = vertices[:, [0, 2, 1]]
    return (vertices - vertices.mean(axis=0)) / np.ptp(vertices[:, 0]) * 0.8, faces


def test_a_fold_in_half_lays_one_half_on_the_other(sheet, run):
    garment, frames = run(PLAIN, sheet)
    before, after = frames[0], frames[-1]
    thickness = garment.simulation.thickness
    moved = np.abs(after[:, :2] - before[:, :2]).max(axis=1) > 1e-9
    axis = int(np.ptp(after[:, :2] - before[:, :2], axis=0).argmax())
    middle = before[:, axis].mean()
    # What is carried is mirrored at the crease, whose bend takes some of the length, and the rest lies still.
    assert moved.mean() == pytest.approx(0.5, abs=0.05)
    assert after[moved][:, axis] == pytest.approx(2 * middle - before[moved][:, axis], abs=2 * thickness)
    assert after[moved][:, 1 - axis] == pytest.approx(before[moved][:, 1 - axis])
    gap = after[moved][:, 2] - after[~moved][:, 2].max()
    assert gap.min() > 0
    assert np.median(gap) == pytest.approx(thickness, rel=0.5)


def test_a_flap_keeps_its_lengths_on_its_way(sheet, run):
    garment, frames = run(PLAIN, sheet, count=24)
    i, j = garment.simulation.cloth.edges.pairs.T
    for frame in frames:
        lengths = np.linalg.norm(frame[i] - frame[j], axis=1) / garment.simulation.cloth.edges.rest
        # All but the edges across the crease, which are chords of its bend.
        assert np.percentile(np.abs(lengths - 1), 95) < 0.02
    heights = [np.ptp(frame[:, 2]) for frame in frames]
    assert max(heights) > 0.1
    assert heights[-1] < 0.01


def test_its_creases_are_those_of_a_fold(sheet, make):
    """Of the first fold; where the others are depends on how cloth came to lie."""
    for seed in range(4):
        ours, theirs = make(sheet), make(sheet)
        _, _, crease = next(Origami().creases(ours, np.random.default_rng(seed)))
        _, expected, grip = next(Fold().carried(theirs, np.random.default_rng(seed)))
        assert np.array_equal(crease.point, expected.point)
        assert np.array_equal(crease.normal, expected.normal)
        assert np.array_equal(grip.vertices, carry(theirs, expected, 0, 1).vertices)


def test_with_style_any_at_most_half_is_carried_over_lines_in_any_direction(sheet, make):
    angles = []
    for seed in range(40):
        garment = make(sheet)
        for _, count, crease in Origami(style="any", folds=2).creases(garment, np.random.default_rng(seed)):
            across = (garment.positions[:, :2] - crease.point) @ crease.normal
            assert 0 < (across > 1e-9).mean() <= 0.5
            assert count <= 2
            angles.append(np.arctan2(crease.normal[1], crease.normal[0]))
    assert np.histogram(angles, 4, (-np.pi, np.pi))[0].min() > 4


def test_with_style_straight_creases_run_along_or_across(sheet, make):
    quarters = []
    for seed in range(40):
        garment = make(sheet)
        how = Origami(style="straight", sloppiness=0.01)
        for _, _, crease in how.creases(garment, np.random.default_rng(seed)):
            across = (garment.positions[:, :2] - crease.point) @ crease.normal
            assert 0 < (across > 1e-9).mean() <= 0.5
            angle = np.arctan2(crease.normal[1], crease.normal[0]) / (np.pi / 2)
            quarters.append(int(np.round(angle)) % 4)
            assert abs(angle - np.round(angle)) < 0.2
    assert np.bincount(quarters, minlength=4).min() > 4


def test_what_overhangs_comes_down_to_the_ground(sheet, run):
    """A short part is laid over a longer one, and its end, if beyond that, lies on the ground."""
    how = Origami(style="any", ripple=0.0, loft=0.0, bend=0.0, shear=0.0, slip=0.0, folds=3)
    for seed in range(6):
        garment, frames = run(how, sheet, seed=seed)
        assert all((frame[:, 2] > 0).all() for frame in frames)
        # Three folds of one layer are eight at most.
        assert np.ptp(frames[-1][:, 2]) < 8 * 3 * garment.simulation.thickness


def test_frames_are_the_same_for_the_same_seed_and_others_for_another(sheet, run):
    for how in (Origami(), Origami(style="middle"), Origami(frames_by="motion", yaw=180.0, back=0.5)):
        frames = np.array(run(how, sheet)[1])
        assert frames.tobytes() == np.array(run(how, sheet)[1]).tobytes()
        assert np.abs(frames - np.array(run(how, sheet, seed=1)[1])).max() > 0.01
