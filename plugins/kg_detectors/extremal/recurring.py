"""What recurs on many clouds whose points are described alike: (n, N, F), coordinates first."""

from typing import NamedTuple

import torch
from torch import Tensor

MODES = 2
"""Kinds of extremal points in one direction: there are beds with a board at the foot and beds without."""
KEPT = 0.7
"""Share of the clouds, those that are most alike, that say what recurs: not all have all parts."""
ROUNDS = 6
BLUR = 0.1
"""How different points may be that are still confused."""
CLOSEST = 0.01
"""Below this distance anchors count as one place."""


class Nearest(NamedTuple):
    """The points of clouds that are most like something.

    Attributes:
        indices: (n, A).
        squared: (n, A), squared differences.
    """

    indices: Tensor
    squared: Tensor


def directions(like: Tensor) -> Tensor:
    """Return the 14 directions, (14, 3), of the corners and of the faces of a cube; not of length 1."""
    each = torch.tensor([-1.0, 0, 1])
    cube = torch.cartesian_prod(each, each, each)
    length = cube.abs().sum(1)
    return torch.cat([cube[length == 3], cube[length == 1]]).to(like)


def differences(features: Tensor, anchors: Tensor) -> Tensor:
    """Return squared differences (A, N) of what a cloud's points are like (N, F) from anchors (A, F)."""
    crossed = anchors @ features.T
    squared = anchors.square().sum(1)[:, None] - 2 * crossed + features.square().sum(1)
    return squared.clamp(min=0)


def nearest(features: Tensor, anchors: Tensor) -> Nearest:
    """Return which point of each cloud (n, N, F) is most like each anchor (A, F)."""
    least = [differences(cloud, anchors).min(1) for cloud in features]
    return Nearest(torch.stack([row.indices for row in least]), torch.stack([row.values for row in least]))


def extremal(features: Tensor) -> Tensor:
    """Return what lies farthest along each direction, two kinds for each: anchors (28, F) to begin with."""
    towards = directions(features)
    return torch.cat([_kinds(_along(features, direction)) for direction in towards])


def recurring(features: Tensor, anchors: Tensor) -> Tensor:
    """Return anchors (A, F) moved to the mean of what is most like them on the clouds where most is alike."""
    kept = max(round(KEPT * len(features)), 1)
    rows = torch.arange(len(features), device=features.device)[:, None]
    for _ in range(ROUNDS):
        indices, squared = nearest(features, anchors)
        alike = squared.argsort(0)[:kept, :, None].expand(-1, -1, anchors.shape[1])
        anchors = features[rows, indices].gather(0, alike).mean(0)
    return anchors


def blurred(features: Tensor, anchors: Tensor) -> Tensor:
    """Return how far points lie apart that may be confused with each anchor, (A,), a mean over clouds.

    A corner is like nothing else near it; a point of a face or of a rim is like all its neighbours.
    """
    widths = []
    for cloud in features:
        alike = (-differences(cloud, anchors) / (2 * BLUR**2)).softmax(1)
        places = cloud[:, :3]
        spread = alike @ places.square().sum(1) - (alike @ places).square().sum(1)
        widths.append(spread.clamp(min=0).sqrt())
    return torch.stack(widths).mean(0)


def spread_out(places: Tensor, blur: Tensor, count: int, apart: float) -> list[int]:
    """Return which of places (A, 3) to keep: the least blurred, as far apart as asked, or nearly.

    Where too few are, the distance shrinks by a twentieth until there are enough. If there are too few
    places, the least blurred are there several times.
    """
    order = blur.argsort(stable=True).tolist()
    away = torch.cdist(places, places).tolist()
    while True:
        kept: list[int] = []
        for candidate in order:
            if all(away[candidate][other] >= apart for other in kept):
                kept.append(candidate)
        if len(kept) >= count:
            return kept[:count]
        if apart < CLOSEST:
            return (kept + [candidate for candidate in order if candidate not in kept])[:count]
        apart *= 0.95


def _along(features: Tensor, direction: Tensor) -> Tensor:
    """Return what each cloud's farthest point in a direction is like, (n, F)."""
    farthest = (features[:, :, :3] @ direction).argmax(1)
    return features[torch.arange(len(features), device=features.device), farthest]


def _kinds(points: Tensor) -> Tensor:
    """Return the means (MODES, F) of kinds of points (n, F): k-means from the middle one and the farthest."""
    first = int((points - points.median(0).values).square().sum(1).argmin())
    means = points[first][None]
    while len(means) < MODES:
        least = _apart(points, means).amin(1)
        means = torch.cat([means, points[least.argmax()][None]])
    for _ in range(10):
        kind = _apart(points, means).argmin(1)
        means = torch.stack(
            [points[kind == row].mean(0) if (kind == row).any() else mean for row, mean in enumerate(means)]
        )
    return means


def _apart(points: Tensor, means: Tensor) -> Tensor:
    """Return squared distances (n, m)."""
    return (points[:, None] - means).square().sum(2)
