"""What holds of every motion."""

import numpy as np
import pytest

from kg import plugins
from kg.sim import Cloth, Garment, Simulation
from kg.sim.quality import measure
from kg_deformations.drag import Drag
from kg_deformations.fold import Fold

KNOWN = [plugin.name for plugin in plugins.DEFORMATIONS.all() if plugin.distribution == "kg"]
OURS = [name for name in KNOWN if plugins.DEFORMATIONS.load(name).simulated]


@pytest.mark.parametrize("name", OURS)
def test_frames_are_cloth_and_the_same_for_the_same_seed(name, towel, run):
    kind = plugins.DEFORMATIONS.load(name)
    garment, frames = run(kind(seconds=1.2), towel)
    assert len(frames) == 9
    quality = measure(frames, garment.simulation.cloth, garment.simulation.thickness)
    assert quality.crossing == 0
    assert quality.stretch_99 < 0.1
    assert quality.below < 1e-9
    again, other = run(kind(seconds=1.2), towel)[1], run(kind(seconds=1.2), towel, seed=1)[1]
    assert np.array(frames).tobytes() == np.array(again).tobytes()
    assert np.abs(frames[-1] - other[-1]).max() > 0.01


@pytest.mark.parametrize("how", [Drag(seconds=2.0, lift=0.0), Fold(seconds=2.0)], ids=["drag", "fold"])
def test_hands_keep_what_they_hold(make_sheet, how):
    vertices, faces = make_sheet(32, 40)
    cloth = Cloth.of_mesh(vertices[:, [0, 2, 1]], faces)
    garment = Garment(Simulation(cloth, how.cloth), {})
    slips = [garment.simulation.slip for _ in how.frames(garment, 21, np.random.default_rng(0))]
    assert max(slips) < 0.005
