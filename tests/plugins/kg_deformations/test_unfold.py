"""A packet is opened."""

import numpy as np

from kg_deformations.lie import Lie
from kg_deformations.unfold import Unfold


def area(frame):
    return np.prod(np.ptp(frame[:, :2], axis=0))


def test_a_packet_is_opened(towel, run):
    _, frames = run(Unfold(seconds=4.0, yaw=0.0, back=0.0, sloppiness=0.0), towel)
    flat = area(run(Lie(), towel)[1][0])
    assert area(frames[0]) < 0.35 * flat
    # Creases stay, of so narrow a strip, and do not let it lie flat.
    assert area(frames[-1]) > 0.55 * flat


def test_so_many_folds_are_opened(towel, make):
    garment = make(towel)
    how = Unfold(folds=2, opened=1)
    rng = np.random.default_rng(0)
    how.begin(garment, rng)
    made = garment.known["folds"]
    garment.simulation.time = 0.0
    ((until, (grip,)),) = how.grips(garment, rng)
    assert until == how.seconds
    assert len(made) == 2
    # Taken is only what the last fold laid down.
    assert made[-1].carried[grip.vertices].all()
    assert set(grip.hands) <= set(grip.vertices.tolist())
