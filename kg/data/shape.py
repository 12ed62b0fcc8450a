"""One shape as its source has it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError

FURTHEST = 1e15
"""No unit explains coordinates beyond; their squares are more than float32 holds."""


def _no_positions() -> NDArray[np.float64]:
    return np.empty((0, 3))


def _no_ids() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Moment:
    """What is known of a shape in motion at one moment, in its source's units.

    Attributes:
        motion: What happens to it, and with which values: JSON, the same all over a sequence.
        time: Seconds since the sequence began.
        hands: (H, 3) where hands are that hold something.
        held: (H, 3) where what each holds lies on the object at rest.
        ground: What is no higher touches the ground.
    """

    motion: str
    time: float
    hands: NDArray[np.float64]
    held: NDArray[np.float64]
    ground: float


@dataclass(frozen=True, eq=False)
class Shape:
    """A point cloud, or a triangle mesh whose surface will be sampled, in its source's own units.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int64 vertex indices of a mesh, or None for a point cloud.
        landmarks: (A, 3) float64 positions known on this shape; A may be 0.
        landmark_ids: (A,) int64 semantic ids, one meaning per id all over the category.
        rest_positions: (V, 3) float64 or None: where each vertex lies on the garment at rest, so that
            samples of one garment can be matched through any deformation.
        moment: Of a shape in motion, what else is known of it.
        notes: What of its file was left out, one sentence each, for people to read.

    Raises:
        KgError: An array has the wrong size, is not finite or beyond `FURTHEST`, or a face points at no
            vertex.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64] | None = None
    landmarks: NDArray[np.float64] = field(default_factory=_no_positions)
    landmark_ids: NDArray[np.int64] = field(default_factory=_no_ids)
    rest_positions: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    moment: Moment | None = None

    def __post_init__(self) -> None:
        vertices, faces = self.vertices, self.faces
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) == 0:
            raise KgError(f"A shape needs vertices (V, 3) with V of at least 1, not {vertices.shape}.")
        _require_finite(vertices, "vertices")
        if faces is not None:
            if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0:
                raise KgError(f"A mesh needs triangles (F, 3) with F of at least 1, not {faces.shape}.")
            if faces.min() < 0 or faces.max() >= len(vertices):
                raise KgError(f"A face points beyond the {len(vertices)} vertices.")
        if self.landmarks.shape != (len(self.landmark_ids), 3):
            raise KgError(f"{self.landmarks.shape} landmarks but {self.landmark_ids.shape} ids.")
        _require_finite(self.landmarks, "landmarks")
        if self.rest_positions is not None:
            if self.rest_positions.shape != vertices.shape:
                raise KgError(f"Rest positions {self.rest_positions.shape}, vertices {vertices.shape}.")
            _require_finite(self.rest_positions, "rest positions")


def _require_finite(places: NDArray[np.float64], name: str) -> None:
    broken = int((~np.isfinite(places)).any(axis=1).sum())
    if broken:
        raise KgError(f"{broken} of {len(places)} {name} are NaN or infinite.")
    furthest = float(np.abs(places).max(initial=0))
    if furthest > FURTHEST:
        raise KgError(f"Some {name} are {furthest:.3g} from the origin; up to {FURTHEST:.0e} are taken.")
