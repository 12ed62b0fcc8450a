"""A packet is opened."""

import numpy as np

from kg_deformations.fold import Fold
from kg_deformations.unfold import Unfold


def area(frame):
    return np.prod(np.ptp(frame[:, :2], axis=0))


def test_a_packet_is_opened(towel, run):
    _, frames = run(Unfold(seconds=2.0, yaw=0.0, back=0.0, sloppiness=0.0), towel)
    folded = run(Fold(seconds=2.0, sloppiness=0.0), towel)[1]
    assert area(frames[0]) < 0.6 * area(folded[0])
    assert area(frames[-1]) > 0.8 * area(folded[0])


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
    assert not made[-1].still[grip.vertices].any()
    assert set(grip.hands) <= set(grip.vertices.tolist())
