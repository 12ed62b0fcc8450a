"""Cloth: any garment mesh dropped, dragged and folded, its points known all the way.

    cloth = Cloth.of_mesh(vertices, faces)
    simulation = Simulation(cloth, Settings())
    simulation.settle()
    for frame in range(128):
        simulation.advance(1 / 60)
        simulation.positions                 # (V, 3)

Axes: z up, the ground at z = 0. Metres, seconds, kilograms.
"""

from kg.sim.cloth import Cloth
from kg.sim.settings import Settings
from kg.sim.simulation import Simulation

__all__ = ["Cloth", "Settings", "Simulation"]
