"""A garment is dragged."""

import numpy as np
import pytest

from kg_deformations.drag import Drag


def test_a_drag_takes_cloth_along(towel, run):
    _, frames = run(Drag(seconds=1.5, shortest=0.6, longest=0.6, turns=0), towel)
    moved = np.linalg.norm(frames[-1][:, :2].mean(axis=0) - frames[0][:, :2].mean(axis=0))
    assert 0.3 < moved < 0.65


def held(how, towel, make):
    """Return the hands of many sequences, and how far from the middle each took hold, 1 the farthest."""
    garment = make(towel)
    away = np.linalg.norm(garment.positions[:, :2] - garment.positions[:, :2].mean(axis=0), axis=1)
    hands = []
    for seed in range(60):
        _, (grip,) = next(how.grips(garment, np.random.default_rng(seed)))
        hands.append(grip.hands)
    return hands, [away[list(some)] / away.max() for some in hands]


def test_a_hand_takes_the_border_or_anything(towel, make):
    _, away = held(Drag(), towel, make)
    assert np.min(away) >= 0.7
    _, away = held(Drag(inside=1.0), towel, make)
    # Of a towel three times as long as wide, most is nearer.
    assert 0.3 < np.mean(np.array(away) < 0.7) < 0.9


def test_two_hands_go_as_one_some_way_apart(towel, make):
    hands, _ = held(Drag(two=0.5), towel, make)
    both = [some for some in hands if len(some) == 2]
    assert 18 < len(both) < 42
    garment = make(towel)
    gaps = [np.linalg.norm(garment.positions[one] - garment.positions[two]) for one, two in both]
    half = np.linalg.norm(np.ptp(garment.positions, axis=0)) / 2
    assert 0.4 * half < min(gaps)
    assert max(gaps) < half
    _, (grip,) = next(Drag(two=1.0).grips(garment, np.random.default_rng(0)))
    moved = grip.path(1.0) - grip.path(0.0)
    assert np.ptp(moved, axis=0) == pytest.approx(0, abs=1e-12)
