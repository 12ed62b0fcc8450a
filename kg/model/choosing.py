"""How many keypoints: those that stay themselves on other shapes, until the next bring too little."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kg.model.detector import Candidate
from kg.model.normalisation import normalised

LEAST = 2
APART = 0.5
"""Distance between places that is kept, in boxes from -1 to 1."""
ITSELF = 0.9
"""Share of pairs of shapes on which a keypoint is nearest to itself, not to another."""
BROUGHT = 0.05
"""What a keypoint brings on average: points are nearer to the keypoints by this share. Of points that are
spread evenly over a surface, the eleventh brings as much."""
NOTHING = 1e-6
"""The least mean distance: all points are keypoints."""


class Choice(NamedTuple):
    """Which keypoints there are, and why.

    Attributes:
        kept: Rows of the candidates, fewer than two where there is nothing to choose from.
        candidates: All of them as they were looked at; those that are kept in the order of `kept`.
    """

    kept: list[int]
    candidates: list[Candidate]


def choose_found(clouds: Tensor, keypoints: Tensor) -> Choice:
    """Choose among what a detector found in clouds that it was not trained on, each in its own box.

    Keypoints that lie at one place of the boxes come first; those that wander most come last.

    Args:
        clouds: (n, N, 3).
        keypoints: (n, K, 3), of these.
    """
    stretched, scaling = normalised(clouds, "stretch")
    marks = (keypoints - scaling.offset) / scaling.scale
    places = marks.mean(0)
    return choose(stretched, marks, places, (marks - places).norm(dim=2).mean(0), APART)


def choose(clouds: Tensor, on_clouds: Tensor, places: Tensor, doubt: Tensor, apart: float) -> Choice:
    """Choose among candidates by clouds that they were not learnt from.

    They are looked at from the least uncertain on. One is refused that lies too near to one before it, or
    with which a keypoint is too often taken for another. The rest ends where those that follow do not bring
    `BROUGHT` each: the mean distance of a cloud's points from the nearest keypoint says what they bring.

    Args:
        clouds: (n, N, 3), each in its own box.
        on_clouds: (n, A, 3), the candidates on them.
        places: (A, 3), where they usually are.
        doubt: (A,), how uncertain the place of each is, in any unit.
        apart: The least distance between places.
    """
    away = torch.cdist(places, places)
    refused: dict[int, str] = {}
    rest: list[int] = []
    order: list[int] = doubt.argsort(stable=True).tolist()
    for one in order:
        if rest and away[one, rest].min() < apart:
            near = rest[int(away[one, rest].argmin())]
            refused[one] = f"nearer than {apart:g} to candidate {order.index(near)}"
            continue
        share = own_share(on_clouds[:, [*rest, one]])
        if rest and share.min() < ITSELF:
            worst = [*rest, one][int(share.argmin())]
            whose = "mistaken" if worst == one else f"with it candidate {order.index(worst)} is mistaken"
            refused[one] = f"{whose} on {1 - share.min():.0%} of pairs"
            continue
        rest.append(one)
    gaps = torch.stack([torch.cdist(cloud, marks) for cloud, marks in zip(clouds, on_clouds, strict=True)])
    reached = [_reach(gaps, rest[:count]) for count in range(1, len(rest) + 1)]
    # A share that each brings is a slope of the logarithm.
    paid = [math.log(reach) - math.log(1 - BROUGHT) * count for count, reach in enumerate(reached)]
    count = min(range(min(LEAST, len(rest)), len(rest) + 1), key=lambda count: paid[count - 1])
    kept = rest[:count]
    for number, one in enumerate(rest[count:], count):
        brought = 1 - reached[number] / reached[number - 1]
        refused[one] = f"brings {brought:.1%}; from here on less than {BROUGHT:.0%} on average"
    share = own_share(on_clouds[:, kept])
    candidates = []
    for one in order:
        reason = refused.get(one)
        if reason is None:
            number = kept.index(one)
            others = kept[:number] + kept[number + 1 :]
            more = _reach(gaps, others) / _reach(gaps, kept) - 1 if others else math.inf
            reason = f"itself on {share[number]:.0%} of pairs; points are {more:.1%} farther without it"
        candidates.append(Candidate(tuple(places[one].tolist()), one not in refused, reason))
    return Choice(kept, candidates)


def own_share(keypoints: Tensor) -> Tensor:
    """Return on which share of pairs of shapes (n, K, 3) each keypoint is nearest to itself, (K,).

    Pairs are ordered, of different shapes; of one shape there is none, and the share is 0.
    """
    n, K, _ = keypoints.shape
    marks = keypoints.flatten(0, 1)
    nearest = torch.cdist(marks, marks).view(n, K, n, K).argmin(3)
    hits = (nearest == torch.arange(K, device=keypoints.device)[:, None]).float()
    hits[torch.arange(n), :, torch.arange(n)] = 0
    return hits.sum((0, 2)) / max(n * (n - 1), 1)


def _reach(gaps: Tensor, rows: list[int]) -> float:
    """Return how far points lie from the nearest of some candidates, of gaps (n, N, A)."""
    return max(float(gaps[:, :, rows].amin(2).mean()), NOTHING)
