"""What a deformation is told about a garment, and where its parts are now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.data import Shape
from kg.sim.cloth import Cloth
from kg.sim.settings import Settings
from kg.sim.simulation import Simulation

Points = NDArray[np.float64]

GRASP = 1.3
"""A hand holds what lies within so many edges of a vertex, in all layers."""


@dataclass(frozen=True, eq=False)
class Garment:
    """A simulated garment that can be asked where things are; x and y are those of its pattern.

    Attributes:
        simulation: Its cloth.
        places: Names of landmarks to vertices; may be empty.
        known: What a motion keeps of how it began, until its hands come.
    """

    simulation: Simulation
    places: Mapping[str, int]
    known: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_shape(
        cls, shape: Shape, names: Mapping[int, str], settings: Settings, unit: float = 1.0
    ) -> "Garment":
        """Return a mesh at rest as a garment.

        Args:
            shape: The mesh, with its landmarks if it has any.
            names: Of landmarks, by semantic id; those without a name are left out.
            settings: Of its cloth.
            unit: Metres of one unit of the mesh.
        """
        assert shape.faces is not None
        simulation = Simulation(Cloth.of_mesh(shape.vertices * unit, shape.faces), settings)
        marked = zip(shape.landmark_ids.tolist(), landmark_vertices(shape).tolist(), strict=True)
        return cls(simulation, {names[id_]: vertex for id_, vertex in marked if id_ in names})

    @property
    def positions(self) -> Points:
        """Where its vertices are now, (V, 3)."""
        return self.simulation.positions

    def flat(self, vertex: int | str) -> Points:
        """Return where a vertex or landmark is now, seen from above, (2,)."""
        number = self.places[vertex] if isinstance(vertex, str) else vertex
        return self.positions[number, :2].copy()

    def corner(self, direction: Points, among: NDArray[np.bool_]) -> int:
        """Return which of the vertices marked in `among` (V,) is the farthest in a direction (2,).

        Their box counts as a square.
        """
        seen = self.positions[:, :2]
        far = seen / np.ptp(seen[among], axis=0) @ direction
        return int(np.where(among, far, -np.inf).argmax())

    def grasp(self, vertex: int) -> NDArray[np.int64]:
        """Return the vertices that a hand takes which closes on a vertex and what lies on it."""
        away = np.linalg.norm(self.positions[:, :2] - self.positions[vertex, :2], axis=1)
        return np.flatnonzero(away < GRASP * self.simulation.cloth.edge)

    def top(self, places: Points, without: NDArray[np.int64]) -> float:
        """Return how high the cloth lies around places (n, 2), the vertices `without` left out."""
        seen = self.positions[:, :2]
        away = np.linalg.norm(seen[:, None] - places, axis=2).min(axis=1)
        near = away < 1.5 * self.simulation.cloth.edge
        near[without] = False
        return float(self.positions[near, 2].max(initial=0.0))


def landmark_vertices(shape: Shape) -> NDArray[np.int64]:
    """Return the vertex nearest to each of the landmarks (A,) of a mesh."""
    gaps = np.linalg.norm(shape.vertices[:, None] - shape.landmarks, axis=2)
    nearest: NDArray[np.int64] = gaps.argmin(axis=0)
    return nearest
