"""A garment is dragged."""

import numpy as np

from kg_deformations.drag import Drag


def test_a_drag_takes_cloth_along(towel, run):
    _, frames = run(Drag(seconds=1.5, shortest=0.6, longest=0.6, turns=0), towel)
    moved = np.linalg.norm(frames[-1][:, :2].mean(axis=0) - frames[0][:, :2].mean(axis=0))
    assert 0.3 < moved < 0.65
