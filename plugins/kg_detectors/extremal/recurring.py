"""What recurs on many clouds whose points are described alike: (n, N, F), coordinates first."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kinds = Literal["auto", "1", "2"]
"""Of extremal points in one direction; auto is two where one of the two is missing on many clouds."""
MODES = 2
"""The most kinds in one direction: there are beds with a board at the foot and beds without."""
KEPT = 0.7
"""Share of the clouds, those that are most alike, that say what recurs: not all have all parts."""
MISSING = 4.0
"""A kind is missing where the point most like it differs more than twice as much (4 when squared) as where it
is there. Where both kinds are on all clouds, and chance says which lies farther out, the ratio of squares
is about 1. What differs less than `BLUR` is the same."""
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


def extremal(features: Tensor, kinds: Kinds) -> Tensor:
    """Return what lies farthest along each direction, one kind or two: the first anchors (14 to 28, F)."""
    anchors = []
    for direction in directions(features):
        points = along(features, direction)
        means, kind = kinds_of(points)
        two = missing(features, means, kind) > MISSING if kinds == "auto" else kinds == "2"
        anchors.append(means if two else points.mean(0, keepdim=True))
    return torch.cat(anchors)


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
    while True:
        kept = lying_apart(places, blur, apart)
        if len(kept) >= count:
            return kept[:count]
        if apart < CLOSEST:
            rest = blur.argsort(stable=True).tolist()
            return (kept + [candidate for candidate in rest if candidate not in kept])[:count]
        apart *= 0.95


def lying_apart(places: Tensor, blur: Tensor, apart: float) -> list[int]:
    """Return which of places (A, 3) are that far apart, the least blurred first."""
    away = torch.cdist(places, places).tolist()
    kept: list[int] = []
    for candidate in blur.argsort(stable=True).tolist():
        if all(away[candidate][other] >= apart for other in kept):
            kept.append(candidate)
    return kept


def along(features: Tensor, direction: Tensor) -> Tensor:
    """Return what each cloud's farthest point in a direction is like, (n, F)."""
    farthest = (features[:, :, :3] @ direction).argmax(1)
    return features[torch.arange(len(features), device=features.device), farthest]


def kinds_of(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means (MODES, F) of kinds of points (n, F), and of which kind each is (n,).

    By k-means, from the middle one and the farthest.
    """
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
    return means, kind


def missing(features: Tensor, means: Tensor, kind: Tensor) -> float:
    """Return how much more points differ from a kind where it is not the farthest than where it is, squared.

    The larger of the two ratios; 0 if one kind is that of so few clouds that what recurs need not be on them.

    Args:
        features: (n, N, F).
        means: (MODES, F), of the kinds.
        kind: (n,), of which kind the farthest point of each cloud is.
    """
    own = kind[:, None] == torch.arange(MODES, device=kind.device)
    if own.float().mean(0).min() < 1 - KEPT:
        return 0.0
    squared = nearest(features, means).squared
    there = (squared * own).sum(0) / own.sum(0)
    elsewhere = (squared * ~own).sum(0) / (~own).sum(0)
    return float((elsewhere / there.clamp(min=BLUR**2)).max())


def _apart(points: Tensor, means: Tensor) -> Tensor:
    """Return squared distances (n, m)."""
    return (points[:, None] - means).square().sum(2)
