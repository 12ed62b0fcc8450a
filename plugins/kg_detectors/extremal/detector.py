"""Keypoints at extremal points that look alike on all shapes of a category; there is nothing to train."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from kg.config import Inference, ModelConfig, TrainConfig
from kg.config.values import Bounds, read_values
from kg.errors import KgError
from kg.model import Batch, Candidate, Detector, Examples, Found, Losses
from kg.model.choosing import LEAST as LEAST_KEYPOINTS
from kg.model.choosing import choose
from kg.model.normalisation import normalised
from kg_detectors.extremal.recurring import (
    MODES,
    Kinds,
    blurred,
    directions,
    extremal,
    lying_apart,
    nearest,
    recurring,
    spread_out,
)
from kg_detectors.extremal.surroundings import CHANNELS, surroundings

LEAST = 1e-3
"""Deviation below which a channel is noise: a ball may hold its centre alone."""
MOST_CLOUDS = 128
"""Of the training clouds, evenly chosen, that are looked at: more say little that is new."""


@dataclass(frozen=True)
class Options:
    """Options of its own, which `Extremal` explains."""

    detail: Annotated[float, Bounds(0, 10)] = 0.35
    apart: Annotated[float, Bounds(0, 2)] = 0.5
    kinds: Kinds = "auto"


class Extremal(Detector):
    """The points of a cloud that are most like anchors: extremal points that recur in the training clouds.

    Each cloud is stretched to its own box. A point is described by where it lies there, and by the mean and
    the spread of what is around it. What lies farthest towards the corners and the faces of the boxes are the
    first anchors: one in each of 14 directions, or two where clouds are of two kinds there and have not both.
    Each then becomes the mean of what is most like it on seven tenths of the clouds. Of these, the K are kept
    that can least be confused with points around them, a distance apart. Where fewer than K of them lie so
    far apart, every direction has two; so it has with `--keypoints auto`, which keeps of these 28 as many as
    are of use on the validation clouds.

    Shapes have to be in one pose. Without randomness, all seeds are one.

    Args:
        model: The network.
        train: The training.
        detail: Weight of what a point has around it against where it lies in its cloud's box.
        apart: Distance between keypoints, in boxes from -1 to 1, that is kept where there are enough.
        kinds: Of extremal points in one direction: "1", "2", or "auto", two where the training clouds are of
            two kinds, so that one of the two is missing on many.

    Raises:
        KgError: An option of the detector cannot be read.
    """

    defaults: ClassVar[Mapping[str, str]] = {"epochs": "1"}
    chooses: ClassVar[bool] = True
    anchors: Tensor
    usual: Tensor
    deviation: Tensor

    def __init__(
        self,
        model: ModelConfig,
        train: TrainConfig,
        *,
        detail: str = "0.35",
        apart: str = "0.5",
        kinds: str = "auto",
    ) -> None:
        super().__init__()
        self.count = model.keypoints
        options = {"detail": detail, "apart": apart, "kinds": kinds}
        self.own = Options(**read_values(Options, options, prefix="detector."))
        self.register_buffer("anchors", torch.zeros(self.count, 3 + CHANNELS))
        self.register_buffer("usual", torch.ones(self.count))
        self.register_buffer("deviation", torch.ones(CHANNELS))

    def check(self) -> None:
        """Refuse more keypoints than there are anchors."""
        most = len(directions(self.anchors)) * (1 if self.own.kinds == "1" else MODES)
        if self.count > most:
            raise KgError(
                f"There are {most} extremal anchors, not {self.count}.", f"Use --keypoints {most} or fewer."
            )

    def fit(self, examples: Examples) -> None:
        """Find what recurs in the training clouds."""
        features = self._features(examples)
        anchors, blur = _candidates(features, self.own.kinds)
        few = len(lying_apart(anchors[:, :3], blur, self.own.apart)) < self.count
        if few and self.own.kinds == "auto":
            anchors, blur = _candidates(features, "2")
        self._keep(features, anchors[spread_out(anchors[:, :3], blur, self.count, self.own.apart)])

    def choose(self, examples: Examples, unseen: Examples) -> list[Candidate]:
        """Find what recurs in the training clouds, and keep what is of use on others."""
        features = self._features(examples)
        # It begins with more than are needed.
        anchors, blur = _candidates(features, "2" if self.own.kinds == "auto" else self.own.kinds)
        clouds = _some(unseen.points if len(unseen.points) > 1 else examples.points)
        indices = nearest(self._joined(clouds, surroundings(clouds)), anchors).indices
        on_clouds = clouds.gather(1, indices[..., None].expand(-1, -1, 3))
        choice = choose(clouds, on_clouds, anchors[:, :3], blur, self.own.apart)
        if len(choice.kept) < LEAST_KEYPOINTS:
            raise KgError(
                "Fewer than two extremal points are the same on all these shapes.",
                "Prepare more shapes, in one pose, or name a number: --keypoints 8",
            )
        self._keep(features, anchors[choice.kept])
        return choice.candidates

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return none."""
        return {}

    def validation_losses(self, batch: Batch) -> Losses:
        """Return none."""
        return {}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return the points most like the anchors.

        The confidence is 1 for a point that is all like its anchor, and 0.61 for one that differs as much as
        is usual in training.
        """
        stretched = normalised(points, "stretch")[0]
        matches = nearest(self._joined(stretched, surroundings(stretched)), self.anchors.to(stretched))
        keypoints = points.gather(1, matches.indices[..., None].expand(-1, -1, 3))
        return Found(keypoints, matches.indices, torch.exp(-matches.squared / (2 * self.usual)))

    def _features(self, examples: Examples) -> Tensor:
        """Return what points of training clouds are like, (n, N, F)."""
        points = _some(examples.points)
        around = surroundings(points)
        self.deviation.copy_(around.flatten(0, 1).std(0).clamp(min=LEAST))
        return self._joined(points, around)

    def _keep(self, features: Tensor, anchors: Tensor) -> None:
        """Have keypoints at anchors (K, F)."""
        self.count = len(anchors)
        self.anchors = anchors.to(self.anchors)
        self.usual = nearest(features, anchors).squared.mean(0).clamp(min=1e-6).to(self.usual)

    def _joined(self, points: Tensor, around: Tensor) -> Tensor:
        """Return what points are like, (B, N, 3 + 27): where they are, and what is around them."""
        # Examples lie on the CPU, wherever the detector does.
        return torch.cat([points, around / self.deviation.to(around) * (self.own.detail / CHANNELS**0.5)], 2)


def _candidates(features: Tensor, kinds: Kinds) -> tuple[Tensor, Tensor]:
    """Return what recurs in clouds (n, N, F), whose points are described: anchors (A, F), and their blur."""
    anchors = recurring(features, extremal(features, kinds))
    return anchors, blurred(features, anchors)


def _some(points: Tensor) -> Tensor:
    """Return clouds (n, N, 3) to look at, evenly chosen, each in its own box."""
    rows = torch.linspace(0, len(points) - 1, min(len(points), MOST_CLOUDS)).round().long()
    return normalised(points[rows], "stretch")[0]
