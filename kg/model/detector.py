"""What a detector provides: the contract that training, prediction and evaluation build on."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from kg.config import Config, Inference, ModelConfig
from kg.errors import KgError
from kg.model.turns import Search

Losses = dict[str, tuple[float, Tensor]]
"""Losses by name: the weight of each, and its value, a scalar tensor."""


class Batch(NamedTuple):
    """The clouds of a step.

    Attributes:
        points: (B, N, 3), normalised as the configuration says.
        rest: (B, N, 3), where each point lies on its object at rest, in that object's own box at rest,
            [-1, 1] on each axis; None where that is not known.
        category: (B,) int64, which of `ModelConfig.categories` each is of; None where there is one alone.
        keypoints: (B, K, 3), where a teacher finds them, in the clouds' coordinates; None without one.
    """

    points: Tensor
    rest: Tensor | None = None
    category: Tensor | None = None
    keypoints: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Return the same clouds on a device."""
        return self._map(lambda column: column.to(device))

    def rows(self, rows: Tensor | slice) -> "Batch":
        """Return some of the clouds."""
        return self._map(lambda column: column[rows])

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        others = (None if column is None else change(column) for column in self[1:])
        return Batch(change(self.points), *others)


@dataclass(frozen=True, eq=False)
class Examples:
    """What a detector is trained on, all of it, as it may look at it before the first step.

    Attributes:
        points: (n, P, 3), normalised by their range, or somehow; see `kg.train.examples.read_examples`.
        rest: (n, P, 3), as in `Batch`, or None.
        boxes: (n, 3), lengths of the box at rest, in the source's unit, or None.
        objects: (n,) identity of each cloud's object.
        frames: (n,) number within the object's sequence.
        landmarks: (n, A, 3), as `points`, NaN where a shape has none; or None.
        landmark_ids: (n, A), semantic ids, -1 where a shape has none; or None.
        landmark_names: What semantic ids mean, where anybody named them.
        categories: (n,) category of each cloud.
        keypoints: (n, K, 3), as `points`, where a teacher finds them; None without one.
    """

    points: Tensor
    rest: Tensor | None
    boxes: Tensor | None
    objects: list[str]
    frames: list[int]
    landmarks: Tensor | None
    landmark_ids: Tensor | None
    landmark_names: Mapping[int, str]
    categories: list[str]
    keypoints: Tensor | None = None

    def batch(self, categories: Sequence[str] = ()) -> Batch:
        """Return all of them as one batch.

        Args:
            categories: What the batch counts categories by, those of the model.
        """
        category = None
        if len(categories) > 1:
            category = torch.tensor([categories.index(name) for name in self.categories], dtype=torch.int64)
        return Batch(self.points, self.rest, category, self.keypoints)

    def rows(self, rows: Tensor) -> "Examples":
        """Return some of them, (m,) int64 row numbers."""
        columns = {item.name: getattr(self, item.name) for item in fields(self)}
        for name, column in columns.items():
            if isinstance(column, Tensor):
                columns[name] = column[rows]
            elif isinstance(column, list):
                columns[name] = [column[row] for row in rows.tolist()]
        return Examples(**columns)


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector finds in clouds (B, N, 3).

    Attributes:
        keypoints: (B, K, 3).
        indices: (B, K), the cloud's point that is, or is nearest to, each keypoint.
        confidences: (B, K), 0 to 1.
        edges: (B, E), weights of a skeleton, 0 to 1, in the order of `kg.ops.edge_pairs`; None for a
            detector that has none.
        rest: (B, N, 3), where each point lies on its object at rest, as in `Batch`; None for a detector
            that does not say.
        visible: (B, K) bool, whether the cloud shows the place of each keypoint; None for a detector that
            does not say.
        upright: (B,), logarithms of how likely each cloud lies as clouds did in training, neither turned
            nor turned over; None for a detector that does not say.
    """

    keypoints: Tensor
    indices: Tensor
    confidences: Tensor
    edges: Tensor | None = None
    rest: Tensor | None = None
    visible: Tensor | None = None
    upright: Tensor | None = None


@dataclass(frozen=True)
class Candidate:
    """A keypoint that a detector might have.

    Attributes:
        place: Where it usually is in the box of its shape, [-1, 1] on each axis.
        kept: Whether the detector has it.
        reason: Why it has it, or has not, in a few words.
    """

    place: tuple[float, ...]
    kept: bool
    reason: str


@dataclass(frozen=True)
class HeatmapUse:
    """Chamfer distance of the reconstruction, mean over shapes, squared normalised units.

    Attributes:
        own: With the heatmap of the cloud's own keypoints.
        zeroed: With no heat anywhere. As good as `own`: the decoder does without the keypoints.
        swapped: With the heat of another cloud's keypoints; NaN for a single cloud.
        shapes: How many.
    """

    own: float
    zeroed: float
    swapped: float
    shapes: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return plain values for JSON, None in place of NaN."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Adopted:
    """A checkpoint of a method's own released code, in kg's terms.

    Attributes:
        config: Of a run that would have made it.
        state: For the detector's `load_state_dict`.
        epoch: As stored.
        unused: Parameters left out because nothing reads them.
    """

    config: Config
    state: dict[str, Tensor]
    epoch: int
    unused: list[str]


class Detector(nn.Module, ABC):
    """A method that finds keypoints. Register a subclass in the entry-point group `kg.detectors`.

    The constructor takes (model: ModelConfig, train: TrainConfig) and, as keywords with defaults, options
    of its own, which come as text from the command line (`--set detector.NAME=VALUE`) and are stored with
    a run. What they mean stands in the docstring under "Args:", which `kg train --detector NAME --set help`
    shows. A checkpoint keeps the `state_dict`, so whatever `fit` learns belongs into buffers. A detector
    without parameters is trained by `fit` alone: its epochs have no steps, and its losses are never asked
    for.

    Attributes:
        defaults: Options of a training, texts by name, that differ from the preset's for this detector.
        taught: Options of a training that learns this detector's keypoints, texts by name; by default those
            of a `student`.
        needs_rest: It learns from places at rest: `Batch.rest` and `Examples.rest` must be there.
        needs_sequences: Its batches are consecutive frames of one object, of which there must be several.
        needs_teacher: It learns from the keypoints of another detector: `Batch.keypoints` must be there.
        chooses: It chooses how many keypoints it has before it learns: `choose`. Of others that learn from
            shapes alone some are chosen when they have learnt; see `kg.model.choosing.choose_found`.
        recordable: A step can be recorded as a CUDA graph; see `kg.model.Backbone.recordable`.
        minimum_points: The smallest N that it takes.
    """

    defaults: ClassVar[Mapping[str, str]] = {}
    taught: ClassVar[Mapping[str, str]] = {"detector": "student"}
    needs_rest: ClassVar[bool] = False
    needs_sequences: ClassVar[bool] = False
    needs_teacher: ClassVar[bool] = False
    chooses: ClassVar[bool] = False
    recordable: bool = False
    minimum_points: int = 1

    @property
    def has_steps(self) -> bool:
        """Whether there are parameters for steps of a training to change."""
        return any(True for _ in self.parameters())

    def fit(self, examples: Examples) -> None:
        """Look at the training clouds once, before the first step of a new training.

        They are all, or some thousands of them, evenly chosen, where there are too many for the memory.

        Raises:
            KgError: They lack what it needs.
        """
        return

    def go_on_from(self, other: "Detector", config: ModelConfig) -> None:
        """Take over what a trained detector knows of the categories, before `fit`, which is to keep it.

        All of its weights that have the same name and shape are there already.

        Args:
            other: Of the same kind or not.
            config: What it was made of.
        """
        return

    def choose(self, examples: Examples, unseen: Examples) -> list[Candidate]:
        """Look at the training clouds as `fit` does, in its place, and choose K by what keypoints are for.

        Of a detector that `chooses`. It begins with more keypoints and lets those go that carry nothing.

        Args:
            examples: To learn from.
            unseen: The validation clouds, to choose by; there may be none.

        Returns:
            All that it might have; those that are kept in the order of its keypoints.

        Raises:
            KgError: The clouds lack what it needs.
        """
        raise NotImplementedError

    def follow_teacher(self, teacher: "Detector", config: Config, examples: Examples) -> None:
        """Take over what a teacher knows of the category, after `fit`, before the first step.

        Args:
            teacher: In evaluation mode.
            config: What it was made of.
            examples: What `fit` has seen.

        Raises:
            KgError: It learns by itself, or the teacher is of another kind.
        """
        raise KgError(
            "This detector learns by itself, not from a teacher.",
            "Leave --detector or --teacher out: one with a teacher is a student by itself.",
        )

    def calibrate(self, batch: Batch) -> None:
        """Learn how far confidences can be trusted, of clouds that were not trained on, in evaluation mode.

        Called with the validation clouds whenever weights are kept.
        """
        return

    def draw(self, examples: Examples) -> Tensor | None:
        """Return how often each cloud is drawn, (n,), relative to the others; None for once an epoch.

        An epoch has as many clouds either way. Called when a training begins, and when it is resumed. Where
        the clouds are too many for the memory, only objects, frames and categories are known: `points` are
        (n, 0, 3), all else is None.
        """
        return None

    def assume(self, category: str | None) -> None:
        """Take all clouds from now on to be of one of the categories of the training; None if none is known.

        A detector that was trained on several may find keypoints of each elsewhere.
        """
        return

    def category_keypoints(self) -> Tensor | None:
        """Return where keypoints usually are in their category's pose, (K, 3), of any size and place.

        None for a detector that does not keep it; then the shapes of its training say.
        """
        return None

    def read_at(self, anchors: str) -> None:
        """Read keypoints out at other places of the objects at rest from now on.

        Args:
            anchors: What they are called; see the detector.

        Raises:
            KgError: It does not know them, or finds keypoints by itself.
        """
        raise KgError(
            "This detector finds keypoints by itself: no anchors can be chosen.",
            "Train one that reads them out at places at rest: kg train --detector follow",
        )

    def turn_back(self, search: Search) -> bool:
        """Turn clouds back from now on that lie in another of the turns that are possible.

        Returns:
            False if it cannot recognise them: then each is tried, and the surest counts.
        """
        return False

    def look_at(self, views: int) -> None:
        """See each cloud in so many views from now on, as it is first, and join what each says.

        Raises:
            KgError: It knows one view alone, or fewer.
        """
        if views != 1:
            raise KgError(
                "This detector sees a cloud in one view.",
                "Leave --views out, or train one that knows several: kg train --detector follow",
            )

    def check(self) -> None:
        """Refuse options by which nothing can be learnt, before anything that takes time.

        Raises:
            KgError: They exclude each other, or leave nothing to learn from.
        """
        return

    def stage(self, epoch: int) -> int:
        """Return the number of the stage that an epoch, counted from 0, belongs to: losses may differ."""
        return 0

    @abstractmethod
    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the losses of a batch in training mode; what is random comes from PyTorch's generator."""

    @abstractmethod
    def validation_losses(self, batch: Batch) -> Losses:
        """Return the losses of a batch in evaluation mode, by which the best epoch is chosen."""

    @abstractmethod
    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return what is found in clouds (B, N, 3), in evaluation mode, the same for the same clouds.

        Args:
            points: Normalised as the configuration says.
            inference: "soft" or "hard", for detectors that know both; by default as configured.
        """

    def track(self, points: Tensor, positions: Tensor) -> Found:
        """Return what is found in the frames of one object, each in the light of the others.

        Args:
            points: (T, N, 3), in order, normalised as the configuration says.
            positions: (T, N, 3), the same points where they are, in one frame of reference.

        Raises:
            KgError: The detector sees each frame alone.
        """
        raise KgError(
            "This detector sees each frame alone: it does not track.",
            "Leave --track out, or train one that does: kg train --detector follow",
        )

    def reconstruct(self, points: Tensor, inference: Inference | None = None) -> Tensor | None:
        """Return clouds (B, N, 3) as they are rebuilt from keypoints; None for a detector that does not."""
        return None

    def heatmap_use(self, points: Tensor, inference: Inference | None = None) -> HeatmapUse | None:
        """Return how much the reconstruction of clouds (n, N, 3) needs the heat; None where there is none."""
        return None

    @classmethod
    def adopt(cls, content: Mapping[str, Any]) -> Adopted | None:
        """Return what a checkpoint of the method's own released code says, or None if it is none.

        Args:
            content: The file, loaded without executing anything in it.

        Raises:
            KgError: It is one, and holds what the released network does not have.
        """
        return None


def check_points(detector: Detector, name: str, count: int) -> None:
    """Check that clouds of so many points are large enough.

    Raises:
        KgError: They are not.
    """
    least = detector.minimum_points
    if count < least:
        raise KgError(
            f"Clouds of {count} points are too small: the detector {name} needs {least}.",
            f"Use --points {least} or more.",
        )
