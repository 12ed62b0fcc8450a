"""Ground truth, held against the shape that it is of."""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from kg.data.sample import sample_surface
from kg.data.shape import Shape

FARTHEST = 0.2
"""Of the diagonal of a shape's box: how far from its surface a landmark may lie. Annotations of KeypointNet
lie on it, lines along the hems of sparse scans up to 0.13 from its points; what is beyond 0.2 belongs to
another shape, or is in other units."""
SAMPLES = 10_000
"""Of a surface, among which the nearest place to a landmark is looked for."""


def with_trusted_landmarks(shape: Shape) -> Shape:
    """Return a shape, without any of its landmarks if one of them lies off it; a note then says so."""
    if not len(shape.landmarks):
        return shape
    # Vertices of no face, which may lie anywhere, are no part of a mesh.
    vertices = shape.vertices if shape.faces is None else shape.vertices[np.unique(shape.faces)]
    diagonal = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    away = cKDTree(vertices).query(shape.landmarks)[0]
    if away.max() > FARTHEST * diagonal and shape.faces is not None:
        # In the middle of a large face no vertex is near.
        surface = sample_surface(shape, SAMPLES, np.random.default_rng(0))
        away = np.minimum(away, cKDTree(surface).query(shape.landmarks)[0])
    if away.max() <= FARTHEST * diagonal:
        return shape
    note = (
        f"Its landmarks are left out: one lies {away.max():.3g} from the shape, whose box has a diagonal of "
        f"{diagonal:.3g}."
    )
    return replace(
        shape,
        landmarks=np.empty((0, 3)),
        landmark_ids=np.empty(0, dtype=np.int64),
        notes=(*shape.notes, note),
    )
