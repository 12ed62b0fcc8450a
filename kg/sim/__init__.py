"""Cloth: any garment mesh in motion, its points known all the way.

Motions (drop, drag, fold, ...) are plugins of the entry-point group `kg.deformations`: subclasses of
`Deformation`, which are given a `Garment` and say what hands (`Grip`) do with it.

    cloth = Cloth.of_mesh(vertices, faces)
    simulation = Simulation(cloth, Settings())
    simulation.settle()
    for frame in range(128):
        simulation.advance(1 / 60)
        simulation.positions                 # (V, 3)

Axes: z up, the ground at z = 0. Metres, seconds, kilograms.
"""

from kg.sim.bar import Bar
from kg.sim.cloth import Cloth
from kg.sim.deformation import Deformation, State, eased, lay_down
from kg.sim.garment import Garment
from kg.sim.grips import Grip
from kg.sim.settings import Settings
from kg.sim.simulation import Simulation

__all__ = [
    "Bar",
    "Cloth",
    "Deformation",
    "Garment",
    "Grip",
    "Settings",
    "Simulation",
    "State",
    "eased",
    "lay_down",
]
