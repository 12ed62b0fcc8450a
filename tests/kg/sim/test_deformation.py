"""What motions have in common."""

import numpy as np
import pytest

from kg.sim import Cloth, Garment, Simulation
from kg.sim.deformation import LAID, lay_down


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
