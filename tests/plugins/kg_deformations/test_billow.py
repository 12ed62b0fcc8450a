"""Garments that blow in the wind."""

import numpy as np
import pytest

from kg_deformations.billow import Billow

STILL = Billow(level=0.0, curl=0.0, flutter=0.0)


@pytest.fixture
def sheet(make_sheet):
    """A sheet of 0.4 by 0.6 m that lies in x and y."""
    vertices, faces = make_sheet(13, 19)
    vertices = vertices[:, [0, 2, 1]]
    return (vertices - vertices.mean(axis=0)) / np.ptp(vertices[:, 0]) * 0.4, faces


def test_it_hangs_from_its_top_and_keeps_its_lengths(sheet, run, monkeypatch):
    monkeypatch.setattr("kg_deformations.billow.FLUTTER", 0.0)
    garment, frames = run(STILL, sheet)
    rest = sheet[0]
    for frame in frames:
        assert frame[:, 0] == pytest.approx(rest[:, 0])
        assert np.ptp(frame[:, 1]) == pytest.approx(0, abs=1e-9)
        assert frame[:, 2] == pytest.approx(rest[:, 1] - rest[:, 1].min() + garment.simulation.thickness / 2)


def test_lengths_stay_in_the_wind(sheet, run):
    garment, frames = run(Billow(flutter=0.0), sheet)
    i, j = garment.simulation.cloth.edges.pairs.T
    for frame in frames:
        lengths = np.linalg.norm(frame[i] - frame[j], axis=1) / garment.simulation.cloth.edges.rest
        assert np.percentile(np.abs(lengths - 1), 95) < 0.05


def test_level_it_lies_as_its_pattern_does(sheet, run, monkeypatch):
    monkeypatch.setattr("kg_deformations.billow.FLUTTER", 0.0)
    # Both ends of the swing are drawn up to the level: the most level of some sequences is nearly that.
    tilts = []
    for seed in range(8):
        frames = run(Billow(level=90.0, curl=0.0, flutter=0.0), sheet, seed=seed)[1]
        ends = [int(sheet[0][:, 1].argmax()), int(sheet[0][:, 1].argmin())]
        for frame in frames:
            top, hem = frame[ends]
            assert hem[1] <= top[1] + 1e-9
            tilts.append(np.degrees(np.arctan2(top[1] - hem[1], top[2] - hem[2])))
    assert 0 <= min(tilts) < 20
    assert 70 < max(tilts) <= 90


def test_frames_are_the_same_for_the_same_seed_and_others_for_another(sheet, run):
    frames = np.array(run(Billow(), sheet)[1])
    assert frames.tobytes() == np.array(run(Billow(), sheet)[1]).tobytes()
    assert np.abs(frames - np.array(run(Billow(), sheet, seed=1)[1])).max() > 0.01
