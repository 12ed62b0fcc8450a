"""How a cloud is turned to lie as its category does, from what it looks like along its principal axes."""

from functools import cache
from itertools import permutations, product

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg.model.turns import cross_matrices
from kg_backbones.framed import frames, varied_frames
from kg_detectors.upright.fitting import fit

NODES = 9
"""Of the grid along each axis of a cloud's box, where its density is read."""
WIDTH = 0.15
"""Standard deviation of what a point spreads over, half sides of the box."""
HIDDEN, DROPOUT = 192, 0.2
PASSES = 2
"""How often a cloud is turned by what it looks like; the second time it is nearly upright."""
STEPS, CLOUDS, POINTS = 1000, 32, 1024
"""Steps of the fit; clouds of a step, and points of each."""
RATE, DECAY = 2e-3, 0.05
SURE, NEAR = 15.0, 65.0
"""Degrees: off by the first, candidates count for 0.6 of a right one; to the second, they are mended."""
STRETCHED, WARPED, NOISY = 0.12, 0.12, 0.002
"""Standard deviations of how clouds are varied: axes, the waves along them, points; half sides."""
UPRIGHT, TILTED = 0.4, 0.2
"""Share of the clouds that are nearly upright in the fit, as in the second pass, and their tilt, radians."""


@cache
def candidates() -> Tensor:
    """Return the 24 right-handed ways in which three axes can be named, (24, 3, 3)."""
    ways = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            way = torch.zeros(3, 3)
            way[list(order), range(3)] = torch.tensor(signs)
            ways.append(way)
    every = torch.stack(ways)
    return every[torch.linalg.det(every) > 0]


def rotation(vectors: Tensor) -> Tensor:
    """Return the rotations (..., 3, 3) of Rodrigues vectors (..., 3), the axis times tan(angle / 2)."""
    cross, eye = cross_matrices(vectors), torch.eye(3).to(vectors)
    # Cayley's formula.
    turned: Tensor = torch.linalg.solve(eye - cross, eye + cross)
    return turned


def rodrigues(rotations: Tensor) -> Tensor:
    """Return the Rodrigues vectors (..., 3) of rotations (..., 3, 3) by less than half a turn."""
    skew = rotations - rotations.transpose(-1, -2)
    twice = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], dim=-1)
    return twice / (1 + rotations.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)).clamp(min=1e-6)


def angles(rotations: Tensor) -> Tensor:
    """Return by how many degrees rotations (..., 3, 3) turn."""
    cosine = (rotations.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    return torch.rad2deg(cosine.clamp(-1, 1).acos())


def describe(points: Tensor, axes: Tensor) -> Tensor:
    """Return what clouds look like by each of the candidates of their axes, (B, 24, NODES³ + 3).

    That is the density of the points at the nodes of a grid over the cloud's box, and the box's proportions.
    A candidate's numbers are those of the axes themselves in another order.

    Args:
        points: (B, N, 3).
        axes: (B, 3, 3), as columns.
    """
    placed = points.double() @ axes.double()
    low, high = placed.amin(1, keepdim=True), placed.amax(1, keepdim=True)
    half = ((high - low) / 2).clamp(min=1e-12)
    nodes = torch.linspace(-0.9, 0.9, NODES, device=points.device)
    within = ((placed - (high + low) / 2) / half).float()
    near = torch.exp(-(within[..., None] - nodes).square() / (2 * WIDTH**2))
    x, y, z = near.unbind(2)  # (B, N, NODES)
    planes = (y[..., None] * z[:, :, None]).flatten(2)
    density = (x.mT @ planes).view(-1, NODES, NODES, NODES) * (NODES**2 / points.shape[1])
    sides = (half / half.amax(2, keepdim=True))[:, 0].float()
    descriptions = []
    for way in candidates():
        order = way.abs().argmax(0)
        turned = density.permute(0, *(1 + order).tolist())
        back = [axis + 1 for axis in range(3) if way[:, axis].sum() < 0]
        descriptions.append(
            torch.cat([turned.flip(back).flatten(1), sides[:, order.to(sides.device)]], dim=1)
        )
    return torch.stack(descriptions, dim=1)


class PoseNetwork(nn.Module):
    """Says how likely each candidate is, and how far from upright, by what the cloud looks like turned so.

    It looks at one candidate at a time, so that what it has learnt of one holds for all. What it says is a
    function of the cloud's shape alone: the candidates are the same for all poses, but for their order.
    """

    centre: Tensor
    size: Tensor

    def __init__(self) -> None:
        super().__init__()
        count = NODES**3 + 3
        self.begin, self.middle = nn.Linear(count, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.end = nn.Linear(HIDDEN, 4)
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("size", torch.ones(count))

    def forward(self, described: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, 24) and Rodrigues vectors (B, 24, 3) for what `describe` says."""
        values = self.dropout((described - self.centre) / self.size)
        values = self.dropout(functional.gelu(self.begin(values)))
        values = values + self.dropout(functional.gelu(self.middle(values)))
        said: Tensor = self.end(values)
        return said[..., 0], said[..., 1:] / 4

    @torch.no_grad()
    def turns(self, points: Tensor) -> Tensor:
        """Return rotations (B, 3, 3) float64; points @ rotation lie upright."""
        self.eval()
        axes, ways = frames(points), candidates().to(points.device).double()
        for _ in range(PASSES):
            logits, vectors = self(describe(points, axes))
            best = logits.argmax(1)
            further = rotation(vectors[torch.arange(len(best), device=best.device), best].double())
            axes = axes @ ways[best] @ further
        return axes

    def fit(self, points: Tensor) -> None:
        """Learn how a category lies, by turning its shapes; what is random comes from PyTorch's generator.

        Args:
            points: (n, N, 3), clouds that lie as their category does, in boxes of at most [-1, 1].
        """
        self.train()
        with torch.no_grad():
            known, _ = _example(points, 8 * CLOUDS)
            self.centre.copy_(known.mean((0, 1)))
            self.size.copy_(known.std((0, 1)) + 0.01)
        fit({self: RATE}, DECAY, STEPS, lambda: self._loss(*_example(points, CLOUDS)))

    def _loss(self, described: Tensor, left: Tensor) -> Tensor:
        """Return the loss for what `describe` says and the turns that are left from each candidate."""
        logits, vectors = self(described)
        off = angles(left)
        right = (-(off / SURE).square() / 2).softmax(1).float()
        choice = -(right * logits.log_softmax(1)).sum(1).mean()
        counts = torch.where(off < NEAR, right.clamp(min=0.05), 0)
        missed = (vectors - rodrigues(left).float()).abs().sum(2)
        # As angles, which are twice as large where they are small.
        loss: Tensor = choice + 4 * (counts * missed).sum() / counts.sum()
        return loss


def _example(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return what random clouds look like, varied and turned, and the turns left, (count, 24, 3, 3)."""
    device = points.device
    clouds = points[torch.randint(len(points), (count,), device=device)]
    clouds = _varied(clouds[:, torch.randperm(points.shape[1], device=device)[:POINTS]])
    axes = varied_frames(clouds)
    tilts = rotation(TILTED / 2 * torch.randn(count, 3, dtype=torch.float64, device=device))
    upright = torch.rand(count, 1, 1, device=device) < UPRIGHT
    axes = torch.where(upright, tilts, axes)
    ways = candidates().to(axes)
    return describe(clouds, axes), (axes[:, None] @ ways).mT


def _varied(clouds: Tensor) -> Tensor:
    """Return clouds (B, N, 3) as other shapes of their category might be."""
    count, like = len(clouds), clouds[:, :1]
    clouds = clouds * (STRETCHED * torch.randn_like(like)).exp()
    # Each axis is stretched along each by a wave of about the box's length.
    phases = 2 * torch.pi * torch.rand(count, 1, 3, 3, device=clouds.device)
    waves = (2 * clouds[:, :, None] + phases).sin()  # (B, N, 3, 3)
    heights = WARPED * torch.randn(count, 1, 3, 3, device=clouds.device)
    clouds = clouds * (1 + (heights * waves).sum(3))
    return clouds + NOISY * torch.randn_like(clouds)
