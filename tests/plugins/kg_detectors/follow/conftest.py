"""Sheets of two layers that are rolled up: what is known of every point of them."""

import numpy as np
import pytest
import torch

from kg.model import Examples

WIDE, HIGH, THICK = 0.8, 0.6, 0.02


def sheet(rng, count):
    """Return places (count, 3) in [-1, 1] on a bag of two layers, each drawn by its area."""
    places = rng.uniform(-1, 1, (count, 3))
    places[:, 2] = np.where(np.arange(count) % 2, 1.0, -1.0)
    return places


def rolled(places, turn):
    """Return the points (count, 3) of a bag rolled up along x by so many radians, its layers apart."""
    x, y, z = (places * [WIDE, HIGH, THICK] / 2).T
    radius = WIDE / max(turn, 1e-6) + z
    angle = x / WIDE * turn
    return np.column_stack([radius * np.sin(angle), y, WIDE / max(turn, 1e-6) - radius * np.cos(angle)])


@pytest.fixture
def examples():
    """Three bags, four clouds of each, the later the more rolled up."""
    rng = np.random.default_rng(0)
    points, rest, objects, frames = [], [], [], []
    for name in ("a", "b", "c"):
        for frame in range(4):
            places = sheet(rng, 600)
            cloud = rolled(places, 0.1 + frame)
            centre = (cloud.min(0) + cloud.max(0)) / 2
            points.append((cloud - centre) / np.ptp(cloud, axis=0).max() * 2)
            rest.append(places)
            objects.append(name)
            frames.append(frame)
    corners = np.array([[-1, -1, 1], [1, 1, -1]])
    landmarks = [
        cloud[np.square(places[:, None] - corners).sum(2).argmin(0)]
        for cloud, places in zip(points, rest, strict=True)
    ]
    return Examples(
        points=torch.tensor(np.array(points), dtype=torch.float32),
        rest=torch.tensor(np.array(rest), dtype=torch.float32),
        boxes=torch.tensor([[WIDE, HIGH, THICK]]).expand(12, 3),
        objects=objects,
        frames=frames,
        landmarks=torch.tensor(np.array(landmarks), dtype=torch.float32),
        landmark_ids=torch.tensor([[4, 7]]).expand(12, 2),
        landmark_names={4: "one", 7: "other"},
        categories=["bag"] * 12,
    )
