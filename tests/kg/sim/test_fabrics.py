"""What garments are made of."""

import numpy as np
import pytest

from kg.sim import Settings
from kg.sim.fabrics import FABRICS, GROUND, drawn


@pytest.mark.parametrize("name", FABRICS)
def test_values_lie_within_what_is_documented(name):
    fabric = FABRICS[name]
    for seed in range(50):
        kind, cloth = drawn(name, Settings(), np.random.default_rng(seed))
        assert kind == name
        length = (cloth.bend / cloth.density / 9.81) ** (1 / 3)
        values = (cloth.density, length, cloth.stretch, cloth.cloth_friction, cloth.ground_friction)
        ranges = (fabric.density, fabric.bending, fabric.stretch, fabric.friction, GROUND)
        for value, (low, high) in zip(values, ranges, strict=True):
            assert low - 1e-9 <= value <= high + 1e-9


def test_bending_stiffness_is_that_of_kawabata_measurements():
    """From 0.01 to 2.5 gf cm²/cm, silk below denim."""
    bends = {
        name: [drawn(name, Settings(), np.random.default_rng(seed))[1].bend for seed in range(50)]
        for name in FABRICS
    }
    gf = 9.807e-5
    assert min(map(min, bends.values())) > 0.005 * gf
    assert max(map(max, bends.values())) < 2.5 * gf
    assert max(bends["silk"]) < min(bends["denim"])


def test_any_is_each_of_them_and_the_same_for_the_same_seed():
    kinds = [drawn("any", Settings(), np.random.default_rng(seed)) for seed in range(60)]
    assert {kind for kind, _ in kinds} == set(FABRICS)
    assert kinds == [drawn("any", Settings(), np.random.default_rng(seed)) for seed in range(60)]


def test_what_a_user_gives_stays():
    settings = Settings(density=0.5, thickness=0.003)
    cloth = drawn("silk", settings, np.random.default_rng(0), frozenset({"density"}))[1]
    assert (cloth.density, cloth.thickness) == (0.5, 0.003)
    assert cloth.bend != settings.bend
    assert drawn("default", settings, np.random.default_rng(0)) == ("default", settings)
