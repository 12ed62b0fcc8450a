"""The cage around a shape, and the coordinates by which it moves the shape."""

import math

import torch
from torch import Tensor

from kg import ops

AROUND = 1.4
"""Half the side of the cage's box, before it shrinks."""
NEAR = 0.4
"""Distance from the shape at which a vertex of the cage stays."""
STEPS, STEP = 100, 0.01
EDGE = 1e-5
"""How near a ratio may come to ±1, and the volume of a face, seen from a point, to 0."""
ON_FACE, ON_VERTEX = 1e-4, 1e-8


def icosphere() -> tuple[Tensor, Tensor]:
    """Return vertices (42, 3) on the unit sphere, and faces (80, 3): an icosahedron, divided once."""
    golden = (1 + math.sqrt(5)) / 2
    corners = [(0.0, one, two) for one in (1.0, -1.0) for two in (golden, -golden)]
    places = torch.tensor([point[turn:] + point[:turn] for turn in range(3) for point in corners])
    # The edges are the shortest ways between corners, of length 2.
    joined = (torch.cdist(places, places) - 2).abs() < 1e-3
    around = range(len(places))
    faces = [
        _outwards((a, b, c), places)
        for a in around
        for b in around[a + 1 :]
        for c in around[b + 1 :]
        if joined[a, b] and joined[a, c] and joined[b, c]
    ]
    edges = [(a, b) for a in around for b in around[a + 1 :] if joined[a, b]]
    middle = {edge: len(places) + number for number, edge in enumerate(edges)}
    middles = torch.stack([places[a] + places[b] for a, b in edges])
    divided = []
    for face in faces:
        between = [middle[min(pair), max(pair)] for pair in zip(face, face[1:] + face[:1], strict=True)]
        divided += [(face[corner], between[corner], between[corner - 1]) for corner in range(3)]
        divided.append((between[0], between[1], between[2]))
    vertices = torch.cat([places, middles])
    return vertices / vertices.norm(dim=1, keepdim=True), torch.tensor(divided)


def _outwards(face: tuple[int, int, int], places: Tensor) -> tuple[int, int, int]:
    """Return a face whose corners are seen from outside in one order, counter-clockwise."""
    a, b, c = face
    return face if torch.linalg.det(places[[a, b, c]]) > 0 else (a, c, b)


@torch.no_grad()
def shrink(template: Tensor, points: Tensor) -> Tensor:
    """Return the cage of each cloud, (B, V, 3): vertices go towards the origin until the cloud is near.

    Args:
        template: (V, 3) around all clouds.
        points: (B, N, 3).
    """
    cage = template.expand(len(points), -1, -1)
    for _ in range(STEPS):
        nearest = ops.gather(points, ops.nearest_neighbours(cage, points)[..., 0])
        far = torch.linalg.vector_norm(cage - nearest, dim=2, keepdim=True) > NEAR
        if not far.any():
            break
        cage = torch.where(far, cage * (1 - STEP), cage)
    return cage


@torch.no_grad()
def mean_value_coordinates(points: Tensor, cage: Tensor, faces: Tensor) -> Tensor:
    """Return the mean value coordinates (B, N, V) of points (B, N, 3) in a closed mesh (Ju et al. 2005).

    Each point's sum to 1, and are the point's weights of the vertices. They carry no gradient.

    Args:
        points: (B, N, 3).
        cage: (B, V, 3), vertices.
        faces: (F, 3), their indices.
    """
    away = cage[:, None] - points[:, :, None]  # (B, N, V, 3)
    distance = torch.linalg.vector_norm(away, dim=3)
    corners = (away / distance[..., None].clamp_min(ON_VERTEX))[:, :, faces]  # (B, N, F, 3, 3)
    far = distance[:, :, faces]  # (B, N, F, 3)
    sides = torch.linalg.vector_norm(_next(corners) - _last(corners), dim=4)
    angles = 2 * torch.where(sides >= 2, 2 - 2 * EDGE, sides).div(2).asin()
    half = angles.sum(3, keepdim=True) / 2
    sines = angles.sin()
    cosines = 2 * half.sin() * (half - angles).sin() / (_next(sines) * _last(sines)) - 1
    cosines = torch.where(cosines.abs() > 1, cosines.sign() * (1 - EDGE), cosines)
    volumes = torch.linalg.det(corners).sign()[..., None] * (1 - cosines.square()).sqrt()
    weights = angles - _next(cosines) * _last(angles) - _last(cosines) * _next(angles)
    weights = weights / (far * _next(sines) * _last(volumes))
    flat = (volumes.abs() <= EDGE).any(3, keepdim=True)
    on_face = math.pi - half < ON_FACE
    on_some = on_face.any(2, keepdim=True)
    weights = weights.masked_fill(flat | on_some, 0)
    weights = torch.where(on_face, sines * _last(far) * _next(far), weights)
    summed = torch.zeros_like(distance).index_add_(2, faces.flatten(), weights.flatten(2))
    at_vertex = distance < ON_VERTEX
    summed = torch.where(at_vertex.any(2, keepdim=True), at_vertex.to(summed.dtype), summed)
    coordinates: Tensor = summed / summed.sum(2, keepdim=True)
    return coordinates


def _next(values: Tensor) -> Tensor:
    """Return, for each corner of a face, what the next corner has; corners are the axis 3."""
    return values.roll(-1, 3)


def _last(values: Tensor) -> Tensor:
    """Return, for each corner of a face, what the one before it has."""
    return values.roll(1, 3)
