"""What cloth is made of and how finely its motion is followed."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from kg.errors import KgError

COARSEST = 3.0
"""Narrower parts of garments, such as a scarf's ends, cannot be meshed with longer edges."""


@dataclass(frozen=True)
class Settings:
    """The parameters of a simulation, the same for every vertex.

    Attributes:
        density: Mass of the cloth, kg/m².
        stretch: Its resistance to stretch and shear, N/m (Young's modulus times thickness).
        slack: Share by which an edge may be shorter than at rest before that: wrinkles finer than the mesh,
            into which cloth gives way under the least pressure. Without, a closed mesh could hardly change.
        wrinkle: What such wrinkles resist, N/m.
        bend: Its resistance to bending, N m (bending moment times radius, a metre of cloth).
        crease: Share of a bend that stays, of what is bent, 1/s: folded cloth forgets that it was flat.
        thickness: How near two layers come, metres.
        edge_thickness: How near an edge of one layer comes to an edge of another, as a share of thickness.
            Layers lie upon each other by vertices and triangles; the less edges keep, the faster it goes.
        ground_friction: Coulomb coefficient between cloth and ground.
        cloth_friction: Coulomb coefficient between layers of cloth.
        drag: Share of its velocity that cloth loses to the air, 1/s.
        gravity: m/s², downwards.
        step: Longest step of the solver, seconds; shorter ones make stiffer cloth.
        rounds: How often in a step, at least, edges are brought to their lengths and layers apart; more make
            stiffer cloth.
        hem: Width of a second layer that is sewn on along borders and seams, metres: hems, collars, cuffs and
            waistbands weigh more and bend less.
        coarse: Edges of the simulated mesh are so many times as long as usual, up to 3, and steps shorter:
            it takes much less time, and wrinkles are as coarse. Of your own meshes it changes those that are
            refined or made coarser anyway.
        together: Whether layers that are pressed on each other may go on as one. Else what holds them apart
            stands still, and they with it.

    Class attributes:
        later: Options that are recorded only where they are not as by default: stores that were made before
            there were any are known again.

    Raises:
        KgError: A value is out of range.
    """

    later: ClassVar[tuple[str, ...]] = ("hem", "coarse", "together")
    density: float = 0.2
    stretch: float = 1e4
    slack: float = 0.0
    wrinkle: float = 3.0
    bend: float = 3e-5
    crease: float = 3.0
    thickness: float = 0.002
    edge_thickness: float = 0.5
    ground_friction: float = 0.8
    cloth_friction: float = 0.5
    drag: float = 4.0
    gravity: float = 9.81
    step: float = 1 / 1000
    rounds: int = 1
    hem: float = 0.0
    coarse: float = 1.0
    together: bool = False

    def __post_init__(self) -> None:
        above = ("density", "stretch", "wrinkle", "bend", "thickness", "edge_thickness", "step", "rounds")
        for name in above:
            if not 0 < getattr(self, name) < inf:
                raise KgError(f"Cloth needs {name} above 0, not {getattr(self, name)}.")
        if not 1 <= self.coarse <= COARSEST:
            raise KgError(f"Cloth needs coarse from 1 to {COARSEST:g}, not {self.coarse}.")
        for name in ("slack", "crease", "ground_friction", "cloth_friction", "drag", "gravity", "hem"):
            if not 0 <= getattr(self, name) < inf:
                raise KgError(f"Cloth needs {name} of at least 0, not {getattr(self, name)}.")
