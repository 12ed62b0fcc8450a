"""The head: from features to places at rest."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg.model import Features
from kg_detectors.follow.bins import BINS

WIDTH = 96
"""Channels of its hidden layer."""


class PlaceHead(nn.Module):
    """From the features of a cloud to bins on each axis; a last layer for each category.

    Args:
        point_channels: Of each point's features.
        global_channels: Of the cloud's.
        count: Categories.
    """

    def __init__(self, point_channels: int, global_channels: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.own = nn.Linear(point_channels, WIDTH)
        self.whole = nn.Linear(global_channels, WIDTH)
        # What is learnt of all categories lies before it.
        self.bins = nn.Linear(WIDTH, count * 3 * BINS)

    def hidden(self, features: Features) -> Tensor:
        """Return (B, N, WIDTH)."""
        hidden = self.own(features.point_features) + self.whole(features.global_feature)[:, None]
        return functional.relu(hidden)

    def forward(self, hidden: Tensor, category: Tensor) -> Tensor:
        """Return logits (B, N, 3, BINS) of clouds of categories (B,)."""
        weights, biases = self.by_category()
        logits = torch.baddbmm(biases[category], hidden.float(), weights[category].mT)
        return logits.view(*hidden.shape[:2], 3, BINS)

    def by_category(self) -> tuple[Tensor, Tensor]:
        """Return the weights (C, 3 BINS, WIDTH) and the biases (C, 1, 3 BINS) of the last layers."""
        return self.bins.weight.view(self.count, -1, WIDTH), self.bins.bias.view(self.count, 1, -1)
