"""What is done to clouds anew in each step: fewer points, a patch hidden, stretches, turns, noise."""

import math

import torch
from torch import Tensor

from kg.config import Normalisation, TrainConfig
from kg.model.detector import Batch
from kg.model.normalisation import normalised
from kg.model.turns import cross_matrices


def augment(batch: Batch, options: TrainConfig, normalisation: Normalisation) -> Batch:
    """Return a batch as a detector is to see it; what is random comes from PyTorch's generator.

    Args:
        batch: Clouds as `kg.train.examples.read_examples` gives them.
        options: How many points are kept and hidden, stretches, turns and noise.
        normalisation: Of what comes out. By "range", clouds that are not changed have it already.
    """
    points, rest, category, keypoints = batch
    device = points.device
    changed = False
    if options.subsample < 1:
        count = max(1, round(options.subsample * points.shape[1]))
        points, rest = _kept(points, rest, torch.rand(points.shape[:2], device=device), count)
        changed = True
    if options.occlusion > 0:
        count = max(1, round((1 - options.occlusion) * points.shape[1]))
        centre = torch.randint(points.shape[1], (len(points), 1, 1), device=device).expand(-1, 1, 3)
        near = -(points - points.gather(1, centre)).square().sum(2)
        points, rest = _kept(points, rest, near, count)
        changed = True
    moves: list[Tensor] = []
    if options.scale > 1:
        factors = options.scale ** (2 * torch.rand(len(points), 3, device=device) - 1)
        moves.append(torch.diag_embed(factors))
    if options.turn != "none":
        moves.append(turns(len(points), options.turn, options.turn_limit, device))
    if options.turn_over > 0:
        over = torch.rand(len(points), device=device) < options.turn_over
        # About the horizontal axis x; any turn about the vertical does the rest.
        sides = torch.where(over[:, None], points.new_tensor([1, -1, -1]), points.new_tensor([1, 1, 1]))
        moves.append(torch.diag_embed(sides))
    for move in moves:
        points = points @ move
        keypoints = None if keypoints is None else keypoints @ move
        changed = True
    if options.jitter > 0:
        points = points + options.jitter * torch.randn_like(points)
        changed = True
    batch = Batch(points, rest, category, keypoints)
    return normalised_batch(batch, normalisation) if changed or normalisation != "range" else batch


def normalised_batch(batch: Batch, normalisation: Normalisation) -> Batch:
    """Return a batch whose clouds are normalised, and whose keypoints lie where they lay on them."""
    points, scaling = normalised(batch.points, normalisation)
    keypoints = None if batch.keypoints is None else (batch.keypoints - scaling.offset) / scaling.scale
    return batch._replace(points=points, keypoints=keypoints)


def _kept(points: Tensor, rest: Tensor | None, rank: Tensor, count: int) -> tuple[Tensor, Tensor | None]:
    """Return the `count` points of each cloud, and their places at rest, whose ranks (B, N) are the least."""
    rows = rank.argsort(1)[:, :count, None].expand(-1, -1, 3)
    return points.gather(1, rows), None if rest is None else rest.gather(1, rows)


def turns(count: int, kind: str, limit: float, device: torch.device) -> Tensor:
    """Return random rotations (count, 3, 3), to multiply rows of points with.

    Args:
        count: How many.
        kind: "yaw", about z; "all", about an axis of any direction.
        limit: Degrees, the most that they turn; 180 with "all" makes every rotation as likely.
        device: Where they are.
    """
    if kind == "all":
        parts = torch.linalg.qr(torch.randn(count, 3, 3, device=device))
        sign = parts.R.diagonal(dim1=1, dim2=2).sign()
        whole: Tensor = parts.Q * sign[:, None]
        whole = whole * torch.linalg.det(whole).sign()[:, None, None]
        if limit >= 180:
            return whole
        axis = whole[:, 0]
    else:
        axis = torch.tensor([0.0, 0.0, 1.0], device=device).expand(count, 3)
    angle = math.radians(limit) * (2 * torch.rand(count, device=device) - 1)
    cross = cross_matrices(axis)
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    rotation: Tensor = torch.eye(3, device=device) + sine * cross + (1 - cosine) * (cross @ cross)
    return rotation
