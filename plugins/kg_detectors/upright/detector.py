"""A detector for shapes in any pose, out of one for shapes that lie alike, in a few minutes."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from kg import ops
from kg.config import Config, Inference, ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch, Detector, Examples, Found, Losses
from kg.model.backbone import Backbone
from kg.model.making import make_detector
from kg.model.normalisation import normalised
from kg_detectors.heads import usual_keypoints
from kg_detectors.upright.halves import HalfTurns
from kg_detectors.upright.poses import PoseNetwork, angles

TEACHER = "teacher_options"
"""The buffer that holds the options of the detector within, as JSON in bytes."""
HELD = 5
"""One object in so many is kept back, to see whether a second look mends more turns than it spoils."""
MOST = 200
"""Clouds of objects kept back that are looked at, at most."""
RIGHT = 45.0
"""Degrees by which a turn is off at most that is the right one of those that look alike."""


class Upright(Detector):
    """Turns each cloud to lie as its category does, and has a teacher find keypoints there.

    The turn is near one of the 24 that the cloud's principal axes allow; which, and how near, a small network
    has learnt from the shapes of the training in a minute or two, with no step of a training. Nothing of it
    depends on how the cloud lies, so that keypoints turn with it exactly, and right-handed axes tell left
    from right. Where two turns of a shape look alike, it may be the wrong one, unless the teacher sees it
    (`Detector.turn_back`). The teacher is part of the checkpoint.

    Args:
        model: As many keypoints as the teacher has.
        train: The training, which names the teacher.
    """

    defaults: ClassVar[Mapping[str, str]] = {"normalisation": "longest-side", "epochs": "1"}
    needs_teacher = True

    reference: Tensor
    teacher_options: Tensor

    def __init__(self, model: ModelConfig, train: TrainConfig) -> None:
        super().__init__()
        self.config, self.options = model, train
        self.pose = PoseNetwork()
        self.halves: HalfTurns | None = None
        self.register_buffer("reference", torch.zeros(model.keypoints, 3))
        self.register_buffer(TEACHER, torch.zeros(0, dtype=torch.uint8))

    @property
    def has_steps(self) -> bool:
        """See `Detector.has_steps`: `fit` does all."""
        return False

    def check(self) -> None:
        """Refuse axes that are stretched each by itself, by which a turned shape would be another."""
        if self.config.normalisation == "stretch":
            raise KgError(
                "Clouds that are turned cannot be stretched to their boxes.",
                "Leave --set normalisation=stretch out; a teacher may have it.",
            )

    def fit(self, examples: Examples) -> None:
        """Learn how the category lies, and where keypoints usually are."""
        self.reference.copy_(usual_keypoints(examples.points, examples.keypoints, len(self.reference)))
        points, _ = normalised(examples.points, "longest-side")
        self.pose.fit(points.to(self.reference.device))

    def follow_teacher(self, teacher: Detector, config: Config, examples: Examples) -> None:
        """Take the teacher itself, and a second look where that is better."""
        device = self.reference.device
        text = json.dumps(config.to_dict()).encode()
        self.teacher_options = torch.tensor(list(text), dtype=torch.uint8, device=device)
        self._make_teacher()
        self.teacher.load_state_dict(teacher.state_dict())
        look = self._second_look()
        if look is not None:
            self._look_twice(look, examples)

    def _second_look(self) -> HalfTurns | None:
        backbone = getattr(self.teacher, "backbone", None)
        if not isinstance(backbone, Backbone):
            return None
        return HalfTurns(deepcopy(backbone)).to(self.reference.device)

    def _look_twice(self, look: HalfTurns, examples: Examples) -> None:
        """Have a look learn to tell half turns, and keep it if it mends more turns than it spoils.

        Of fewer than `HELD` objects none can be kept back, and nothing is learnt.
        """
        points = normalised(examples.points, "longest-side")[0].to(self.reference.device)
        kept_back = set(sorted(set(examples.objects))[HELD - 1 :: HELD])
        held = torch.tensor([name in kept_back for name in examples.objects], device=points.device)
        if not bool(held.any()):
            return
        rows = held.nonzero()[:, 0]
        known = points[rows[torch.linspace(0, len(rows) - 1, min(len(rows), MOST)).round().long()]]
        look.fit(points[~held], self.options.precision)
        once = self._right(known)
        self.halves = look
        if self._right(known) <= once:
            self.halves = None

    def _right(self, points: Tensor) -> int:
        """Return how many of some clouds (n, N, 3), which lie upright, are seen to do so."""
        turns = [self._turns(cloud) for cloud in torch.split(points, 1)]
        return sum(int((angles(turn) < RIGHT).sum()) for turn in turns)

    def _turns(self, points: Tensor) -> Tensor:
        """Return rotations (B, 3, 3) float64; points @ rotation lie upright."""
        turns = self.pose.turns(points)
        if self.halves is None:
            return turns
        upright = _turned(points, turns)
        return turns @ self.halves.turns(ops.gather(upright, ops.canonical_order(upright)))

    def _make_teacher(self) -> None:
        known = Config.from_dict(json.loads(bytes(self.teacher_options.tolist())))
        self.teacher = make_detector(known.model, known.train).to(self.reference.device).eval()
        # One that sees itself how a cloud lies mends what the network takes for a turn that looks alike.
        self.teacher.turn_back("sides")
        self.within = known.model
        self.minimum_points = self.teacher.minimum_points

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Make the teacher that the state is of, before its weights are read."""
        if f"{prefix}choice.score.weight" in state_dict:
            raise KgError(
                "This detector upright is of an older kg, whose network chose among 24 turns alone.",
                "Train it again, which takes a few minutes: kg train --teacher RUN --detector upright",
            )
        options = state_dict.get(prefix + TEACHER)
        if options is not None:
            self.teacher_options = options.clone()
            self._make_teacher()
            looks = any(name.startswith(f"{prefix}halves.") for name in state_dict)
            self.halves = self._second_look() if looks else None
        super()._load_from_state_dict(state_dict, prefix, *args)

    def category_keypoints(self) -> Tensor:
        """See `Detector.category_keypoints`."""
        return self.reference

    def losses(self, batch: Batch, stage: int) -> Losses:
        """There are none."""
        return {}

    def validation_losses(self, batch: Batch) -> Losses:
        """There are none."""
        return {}

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return the teacher's keypoints of the clouds as they lie upright, where they are on the clouds."""
        centre = points.double().mean(1, keepdim=True)
        turns = self._turns(points)
        upright = _turned(points, turns)
        order = ops.canonical_order(upright)
        seen, scaling = normalised(ops.gather(upright, order), self.within.normalisation)
        detections = self.teacher.eval().find(seen, inference)
        keypoints = scaling.back(detections.keypoints).double() @ turns.mT + centre
        indices = order.gather(1, detections.indices)
        rest = None if detections.rest is None else ops.gather(detections.rest, order.argsort(1))
        return replace(
            detections, keypoints=keypoints.to(points.dtype), indices=indices, rest=rest, upright=None
        )


def _turned(points: Tensor, turns: Tensor) -> Tensor:
    """Return clouds (B, N, 3) turned about their centres, which come to lie at 0."""
    exact = points.double()
    return ((exact - exact.mean(1, keepdim=True)) @ turns).to(points.dtype)
