"""By which half turn a cloud is off that seems to lie upright, seen by a network that knows the category."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg.model.backbone import Backbone
from kg.model.normalisation import normalised
from kg.ops.precision import Precision, autocast, full_precision
from kg_detectors.upright.fitting import fit
from kg_detectors.upright.poses import rotation

HIDDEN, DROPOUT = 128, 0.2
STEPS, CLOUDS, POINTS = 300, 8, 1024
"""Steps of the fit; clouds of a step, and points of each."""
RATE, FASTER, DECAY = 3e-4, 6.0, 0.02
"""Learning rate of the backbone, which has learnt before; by how much that of the head is higher."""
TILTED = 0.15
"""Standard deviation of how far from upright clouds are in the fit, radians."""


@cache
def half_turns() -> Tensor:
    """Return no turn and the half turns about each axis, (4, 3, 3); each undoes itself."""
    signs = [[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    return torch.stack([torch.diag(torch.tensor(each)) for each in signs])


class HalfTurns(nn.Module):
    """Says which half turn away from upright a cloud is.

    Front and back of a shirt differ by the depth of the neckline alone. That is little of what the shape
    looks like as a whole, and much to a network that has learnt where each point of a shirt lies.

    Args:
        backbone: Begins as it is.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        channels = backbone.global_channels + backbone.point_channels
        self.head = nn.Sequential(
            nn.Linear(channels, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, len(half_turns()))
        )

    def forward(self, points: Tensor) -> Tensor:
        """Return logits of the half turns, (B, 4), of clouds (B, N, 3) in any unit."""
        features = self.backbone(normalised(points, "longest-side")[0])
        with full_precision(points.device):
            seen = torch.cat([features.global_feature, features.point_features.mean(1)], dim=1)
            logits: Tensor = self.head(seen.float())
        return logits

    @torch.no_grad()
    def turns(self, points: Tensor) -> Tensor:
        """Return the turns (B, 3, 3) float64 after which clouds lie upright: points @ turn.

        Args:
            points: (B, N, 3), in the order that their place gives them.
        """
        self.eval()
        some = points[:, :: max(1, points.shape[1] // POINTS)]
        return half_turns().to(points.device).double()[self(some).argmax(1)]

    def fit(self, points: Tensor, precision: Precision) -> None:
        """Learn from clouds (n, N, 3) that lie upright; what is random comes from PyTorch's generator."""
        self.train()
        rates = {self.backbone: RATE, self.head: FASTER * RATE}
        fit(rates, DECAY, STEPS, lambda: self._loss(points, precision))

    def _loss(self, points: Tensor, precision: Precision) -> Tensor:
        """Return the loss for random clouds, nearly upright, of which some are off by a half turn."""
        device = points.device
        clouds = points[torch.randint(len(points), (CLOUDS,), device=device)]
        clouds = clouds[:, torch.randperm(points.shape[1], device=device)[:POINTS]]
        tilts = rotation(TILTED / 2 * torch.randn(CLOUDS, 3, device=device))
        halves = torch.randint(len(half_turns()), (CLOUDS,), device=device)
        # Places of points stay in float32.
        turned = clouds @ tilts @ half_turns().to(device)[halves]
        with autocast(device, precision):
            logits = self(turned)
        return functional.cross_entropy(logits, halves)
