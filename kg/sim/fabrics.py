"""What garments are made of: ranges from silk to denim, from which the cloth of a sequence is drawn.

Mass per area, and the length at which a strip bends under its own weight, are what a cantilever test
measures; bending stiffness follows from both, density x g x length³ (Peirce, *The "Handle" of Cloth as a
Measurable Quantity*, Journal of the Textile Institute 21, 1930). So do values of the Kawabata system, some
0.02 to 1 gf cm²/cm, of which 1 is 9.8e-5 N m. Friction of fabric on fabric is 0.2 to 0.8, lowest for silk
(Das and others, *A Study on Frictional Characteristics of Woven Fabrics*, AUTEX Research Journal 5, 2005).
Knits give way to a fraction of what stretches a woven fabric. The bounds are ours: round, and wide enough for
what is usual. Stretch is kept above what lets a garment hang without growing longer by a tenth.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kg.sim.settings import Settings

GRAVITY = 9.81
"""m/s², of the tests from which bending lengths come."""
GROUND = (0.4, 1.0)
"""Coulomb coefficients between cloth and ground: from a polished table to a rug."""
ANY = "any"
"""Stands for each of the fabrics, as likely."""


@dataclass(frozen=True)
class Fabric:
    """A kind of fabric, as the least and most of each value.

    Attributes:
        density: kg/m².
        bending: Metres, the length of a cantilever test.
        stretch: N/m.
        friction: Coulomb coefficients between its layers.
    """

    density: tuple[float, float]
    bending: tuple[float, float]
    stretch: tuple[float, float]
    friction: tuple[float, float]


FABRICS = {
    "silk": Fabric((0.04, 0.09), (0.012, 0.020), (5e3, 1e4), (0.2, 0.4)),
    "jersey": Fabric((0.13, 0.22), (0.011, 0.018), (1.5e3, 4e3), (0.4, 0.8)),
    "cotton": Fabric((0.09, 0.18), (0.016, 0.026), (5e3, 2e4), (0.4, 0.7)),
    "linen": Fabric((0.14, 0.25), (0.020, 0.032), (1e4, 3e4), (0.3, 0.6)),
    "wool": Fabric((0.18, 0.32), (0.016, 0.026), (5e3, 2e4), (0.4, 0.7)),
    "denim": Fabric((0.32, 0.50), (0.024, 0.036), (1e4, 4e4), (0.4, 0.7)),
}


def drawn(
    name: str, settings: Settings, rng: np.random.Generator, fixed: frozenset[str] = frozenset()
) -> tuple[str, Settings]:
    """Return the fabric of one sequence, and its cloth.

    Values are drawn evenly on a logarithmic scale.

    Args:
        name: Of a fabric; `any` for one of them; of anything else nothing changes.
        settings: Of the cloth otherwise.
        rng: What to draw from.
        fixed: Settings that stay as they are.
    """
    if name == ANY:
        name = str(rng.choice(list(FABRICS)))
    if name not in FABRICS:
        return name, settings
    fabric = FABRICS[name]
    ranges = (fabric.density, fabric.bending, fabric.stretch, fabric.friction, GROUND)
    density, bending, stretch, friction, ground = (
        float(np.exp(rng.uniform(*np.log(values)))) for values in ranges
    )
    values: dict[str, Any] = {
        "density": density,
        "bend": density * GRAVITY * bending**3,
        "stretch": stretch,
        "cloth_friction": friction,
        "ground_friction": ground,
    }
    return name, replace(settings, **{key: value for key, value in values.items() if key not in fixed})
