"""Which of the turns of a cloud that its principal axes allow makes it lie as its category does."""

from itertools import permutations, product

import torch
from torch import Tensor, nn

from kg_backbones.framed import frames

NODES = 5
"""Of the grid along each axis of a cloud's box, where its density is read."""
WIDTH = 0.2
"""Standard deviation of what a point spreads over, half sides of the box."""
HIDDEN = 48
ROUNDS, STEPS, CLOUDS = 6, 150, 64
"""How often each cloud is varied; steps of the fit, and clouds of a step."""
RATE, DECAY = 5e-3, 0.05
SURE = 15.0
"""Degrees: turns that are off by so much count for 0.6 of one that is right."""
STRETCHED, NOISY, WIDENED = 0.15, 0.01, 0.1
"""Standard deviations of how clouds are varied: axes, points, and what principal axes are taken of."""


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


def describe(points: Tensor, axes: Tensor) -> Tensor:
    """Return what clouds look like by each of the candidates of their axes, (B, 24, NODES³ + 3).

    That is the density of the points at the nodes of a grid over the cloud's box, and the box's proportions.
    A candidate's numbers are those of the axes themselves in another order.

    Args:
        points: (B, N, 3).
        axes: (B, 3, 3), as columns.
    """
    placed = (points.double() - points.double().mean(1, keepdim=True)) @ axes
    low, high = placed.amin(1, keepdim=True), placed.amax(1, keepdim=True)
    half = ((high - low) / 2).clamp(min=1e-12)
    nodes = torch.linspace(-0.8, 0.8, NODES, dtype=torch.float64, device=points.device)
    near = torch.exp(-(((placed - (high + low) / 2) / half)[..., None] - nodes).square() / (2 * WIDTH**2))
    x, y, z = near.unbind(2)  # (B, N, NODES)
    density = torch.einsum("bna,bnij->baij", x, y[..., None] * z[:, :, None]) / points.shape[1]
    sides = (half / half.amax(2, keepdim=True))[:, 0]
    descriptions = []
    for way in candidates():
        order = way.abs().argmax(0)
        turned = density.permute(0, *(1 + order).tolist())
        back = [axis + 1 for axis in range(3) if way[:, axis].sum() < 0]
        descriptions.append(
            torch.cat([turned.flip(back).flatten(1), sides[:, order.to(sides.device)]], dim=1)
        )
    return torch.stack(descriptions, dim=1).float()


class PoseChoice(nn.Module):
    """Says how likely each candidate is, by what the cloud looks like turned so.

    What it says is a function of the cloud's shape alone: the candidates are the same for all poses, but for
    their order.
    """

    centre: Tensor
    size: Tensor

    def __init__(self) -> None:
        super().__init__()
        count = NODES**3 + 3
        self.hidden, self.score = nn.Linear(count, HIDDEN), nn.Linear(HIDDEN, 1)
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("size", torch.ones(count))

    def forward(self, described: Tensor) -> Tensor:
        """Return logits (B, 24) for what `describe` says."""
        values = (described - self.centre) / self.size
        logits: Tensor = self.score(self.hidden(values).relu())[..., 0]
        return logits

    def turns(self, points: Tensor) -> Tensor:
        """Return rotations (B, 3, 3) float64; points @ rotation lie upright."""
        axes = frames(points)
        best = self(describe(points, axes)).argmax(1)
        return axes @ candidates().to(axes)[best]

    def fit(self, points: Tensor) -> None:
        """Learn how a category lies; what is random comes from PyTorch's generator.

        Args:
            points: (n, N, 3), clouds that lie as their category does.
        """
        described, right = [], []
        with torch.no_grad():
            for _ in range(ROUNDS):
                varied = points * (1 + STRETCHED * torch.randn_like(points[:, :1]))
                varied = varied + NOISY * torch.randn_like(points)
                noise = WIDENED * torch.randn_like(points[:, :3]).double()
                axes = frames(varied, torch.eye(3).to(noise) + (noise + noise.mT) / 2)
                every = axes[:, None] @ candidates().to(axes)
                cosine = (every.diagonal(dim1=2, dim2=3).sum(2) - 1) / 2
                off = torch.rad2deg(cosine.clamp(-1, 1).acos())
                right.append((-(off / SURE).square() / 2).softmax(1).float())
                described.append(describe(varied, axes))
            inputs, targets = torch.cat(described), torch.cat(right)
            self.centre.copy_(inputs.mean((0, 1)))
            self.size.copy_(inputs.std((0, 1)) + 1e-4)
        optimizer = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=DECAY)
        for _ in range(STEPS):
            rows = torch.randint(len(inputs), (CLOUDS,), device=inputs.device)
            loss = -(targets[rows] * self(inputs[rows]).log_softmax(1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
