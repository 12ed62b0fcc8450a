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


@pytest.fixture
def tee(make_sheet):
    """A sheet in the form of a T: a body of 0.4 m, and sleeves that reach 0.6 m to both sides."""
    vertices, faces = make_sheet(37, 25)
    vertices = vertices[:, [0, 2, 1]]
    vertices = (vertices - vertices.mean(axis=0)) / np.ptp(vertices[:, 0]) * 1.2
    middles = vertices[faces].mean(axis=1)
    kept = (np.abs(middles[:, 0]) < 0.2) | (middles[:, 1] > vertices[:, 1].max() - 0.2)
    used, faces = np.unique(faces[kept], return_inverse=True)
    return vertices[used], faces.reshape(-1, 3)


def test_sleeves_hang_and_the_body_stays(tee, run, monkeypatch):
    monkeypatch.setattr("kg_deformations.billow.FLUTTER", 0.0)
    monkeypatch.setattr("kg_deformations.billow.RAISED", -1.0)
    frames = run(Billow(level=0.0, curl=0.0, flutter=0.0, droop=60.0), tee)[1]
    straight = run(Billow(level=0.0, curl=0.0, flutter=0.0, droop=0.0), tee)[1]
    body = np.abs(tee[0][:, 0]) < 0.2
    assert frames[0][body] == pytest.approx(straight[0][body], abs=1e-9)
    cuffs = np.abs(tee[0][:, 0]) > 0.59
    # Beyond the 10 cm in which it bends a sleeve hangs by all of the angle.
    upper = tee[0][:, 1] > tee[0][:, 1].max() - 1e-9
    lower = straight[0][cuffs & upper, 2] - frames[0][cuffs & upper, 2]
    bend = 0.1 * (1 - np.cos(np.radians(60))) / np.radians(60)
    assert lower == pytest.approx(bend + 0.3 * np.sin(np.radians(60)), abs=0.02)
    assert np.abs(frames[0][cuffs, 0]).max() < 0.5


def test_what_is_full_is_deeper_than_what_is_empty(run, tube, monkeypatch):
    monkeypatch.setattr("kg_deformations.billow.FLUTTER", 0.0)
    depths = [
        np.ptp(run(Billow(level=0.0, curl=0.0, flutter=0.0), tube, seed=seed)[1][0][:, 1])
        for seed in range(12)
    ]
    assert max(depths) > 0.15
    assert min(depths) < 0.002
