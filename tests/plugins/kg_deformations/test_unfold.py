"""A packet is opened."""

import numpy as np

from kg_deformations.lie import Lie
from kg_deformations.unfold import Unfold


def area(frame):
    return np.prod(np.ptp(frame[:, :2], axis=0))


def test_a_packet_is_opened(towel, run):
    _, frames = run(Unfold(seconds=4.0, yaw=0.0, back=0.0, sloppiness=0.0), towel)
    flat = area(run(Lie(yaw=0.0), towel)[1][0])
    assert area(frames[0]) < 0.4 * flat
    # Creases stay, of so narrow a strip, and do not let it lie flat.
    assert area(frames[-1]) > 0.7 * flat


def test_so_many_folds_are_opened(towel, make):
    garment = make(towel)
    how = Unfold(folds=2, opened=1)
    rng = np.random.default_rng(0)
    how.begin(garment, rng)
    made = garment.known["folds"]
    garment.simulation.time = 0.0
    ((until, grips),) = how.grips(garment, rng)
    assert until == how.seconds
    assert len(made) == 2
    # Each hand brings what it took back to within a thickness or two of where it was before that fold.
    held = np.concatenate([grip.vertices for grip in grips])
    np.testing.assert_array_equal(np.sort(held), made[-1].grip.vertices)
    for grip in grips:
        there = made[-1].before[grip.vertices].mean(axis=0)
        assert np.linalg.norm(grip.path(grip.end).mean(axis=0) - there) < 0.02
