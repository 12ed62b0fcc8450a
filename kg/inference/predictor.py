"""Keypoints of clouds, by a trained detector."""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import kg
from kg import ops
from kg.config import Inference
from kg.data.batches import thin
from kg.data.normalise import Kind, normalisation_for, off_range, to_source
from kg.data.store import Clouds
from kg.errors import KgError, unknown_name
from kg.inference.detection import Cloud, Detection, as_clouds, as_given
from kg.inference.options import AS_TRAINED, USUAL, DetectOptions, ViewOptions
from kg.inference.poses import rotations
from kg.inference.predictions import Predictions
from kg.inference.targets import Named, Target, find_checkpoint
from kg.model.checkpoint import Checkpoint, load_checkpoint
from kg.model.detector import Found
from kg.model.normalisation import normalised
from kg.ops.precision import Precision, autocast
from kg.ops.recording import Recorder
from kg.train.runs import LATEST, name_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Predictor:
    """A checkpoint ready for use.

    Attributes:
        checkpoint: What was learnt.
        run: That it is from; "" for a checkpoint without one.
        device: Where it works.
        view: How it looks at clouds.
    """

    checkpoint: Checkpoint
    run: str
    device: torch.device
    view: ViewOptions = AS_TRAINED

    @classmethod
    def load(
        cls, named: Named, checkpoint: str | None, device: torch.device, view: ViewOptions = AS_TRAINED
    ) -> "Predictor":
        """Load the detector of a run, of a checkpoint file or of predictions.

        Args:
            named: As in `kg.inference.targets`; the latest run by default.
            checkpoint: "best", "last" or a path; by default the best.
            device: Where it will work.
            view: How it will look at clouds.

        Raises:
            KgError: There is no such run or checkpoint, the two contradict each other, or the detector does
                not know the anchors.
        """
        path = find_checkpoint(named, checkpoint)
        run = Target("checkpoint", path).run
        loaded = load_checkpoint(path, device)
        if view.anchors is not None:
            anchors = _of_one_meaning(view.anchors)
            loaded.model.read_at(anchors)
            view = replace(view, anchors=anchors)
        loaded.model.look_at(view.views)
        return cls(loaded, name_of(run) if run else "", device, view)

    @property
    def normalisation(self) -> Kind:
        """What clouds are to be normalised by that come from no store."""
        return normalisation_for(self.checkpoint.config.model.normalisation)

    def to_device(
        self, clouds: NDArray[np.float32], scale: NDArray[np.float64], offset: NDArray[np.float64]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Return clouds where the detector works, by their range if it wants that, and the way back.

        Args:
            clouds: (B, N, 3), normalised somehow.
            scale: (B,), of source = normalised * scale + offset.
            offset: (B, 3) or (B,).
        """
        points = torch.from_numpy(clouds).to(self.device)
        shift = torch.from_numpy(off_range(scale, offset)[:, None]).to(points)
        if self.normalisation != "range" or not shift.any():
            return points, lambda keypoints: keypoints
        ranged, scaling = normalised(points + shift, "range")
        return ranged, lambda keypoints: scaling.back(keypoints) - shift

    def to_training_frame(
        self, clouds: Tensor, turn: Tensor | None = None
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Return clouds (B, N, 3) as they lay in training, normalised anew, and what carries points back.

        Args:
            clouds: As `to_device` gives them.
            turn: The rotation (3, 3) that brings them there; by default that of the axis that is up alone.
        """
        how = self.checkpoint.config.model.normalisation
        if turn is None:
            if self.view.up == "z" and how == "range":
                return clouds, lambda points: points
            turn = rotations(self.view.up, "none")[0]
        turn = turn.to(clouds)
        seen, scaling = normalised(clouds @ turn.T, how)
        return seen, lambda points: scaling.back(points) @ turn

    def _surest(self, clouds: Tensor, *how: Hashable) -> list[Tensor | None]:
        """Return what is found in clouds (B, N, 3), keypoints in their own frame: of each the surest turn."""
        recognises = self.checkpoint.model.turn_back(self.view.search)
        if recognises or self.view.search == "none":
            return self._found(clouds, None, *how)
        best: list[Tensor | None] = []
        for turn in rotations(self.view.up, self.view.search):
            # The next turn may overwrite what this one found.
            columns = self._found(clouds, turn, *how)
            copies = [None if column is None else column.clone() for column in columns]
            if not best:
                best = copies
                continue
            better = _sure(copies) > _sure(best)
            for old, new in zip(best, copies, strict=True):
                if old is not None and new is not None:
                    old[better] = new[better]
        return best

    def _found(self, clouds: Tensor, turn: Tensor | None, *how: Hashable) -> list[Tensor | None]:
        """Return what is found in clouds that are turned, keypoints in their own frame."""
        seen, carry_back = self.to_training_frame(clouds, turn)
        keypoints, *others = self._find(seen, *how)
        return [carry_back(cast(Tensor, keypoints)), *others]

    def _tracked(
        self, clouds: Tensor, positions: NDArray[np.float64], precision: Precision, category: str | None
    ) -> list[Tensor | None]:
        """Return what is found in the frames (T, N, 3) of one object, keypoints in their own frame."""
        model = self.checkpoint.model
        seen, carry_back = self.to_training_frame(clouds)
        model.assume(category)
        if not model.turn_back(self.view.search) and self.view.search != "none":
            raise KgError(
                "This detector cannot tell how a cloud lies, so it tracks a sequence as it lies.",
                "Leave --search or --track out.",
            )
        with autocast(self.device, precision):
            detections = model.track(seen, torch.from_numpy(positions).to(seen))
        return [carry_back(detections.keypoints), *_columns(detections)[1:]]

    @cached_property
    def _find(self) -> Recorder[tuple[Tensor | None, ...]]:
        """Finds what the detector finds, as a plain tuple; kept for the next clouds."""
        model = self.checkpoint.model

        def find(
            clouds: Tensor, inference: Inference, precision: Precision, category: str | None
        ) -> tuple[Tensor | None, ...]:
            model.assume(category)
            with autocast(self.device, precision):
                detections = model.find(clouds, inference)
            return _columns(detections)

        return Recorder(find, self.device, model.recordable)

    def __call__(
        self,
        points: Cloud,
        *,
        inference: Inference | None = None,
        batch_size: int = 8,
        precision: Precision = "fp32",
        category: str | None = None,
    ) -> Detection:
        """Return the keypoints of a cloud, or of a batch, in its own units.

        A cloud with more points than the detector was trained on is thinned by farthest point sampling.
        One with fewer has points repeated, with a warning: keypoints get worse the fewer there are.

        Args:
            points: (N, 3) or (B, N, 3), an array or a tensor, in any units, any N.
            inference: "soft" or "hard"; the run's own by default.
            batch_size: Clouds at a time.
            precision: Of matrix products.
            category: Of the clouds, for a detector that was trained on several; it recognises them otherwise.

        Returns:
            Keypoints (K, 3) or (B, K, 3), of the kind, type and device of the points; indices, confidences
            and, if the detector says so, which of them are visible.

        Raises:
            KgError: The shape is another, there is no point, a coordinate is no finite number, a cloud has no
                extent or is a dot beside its distance from the origin, or the category is unknown.
        """
        points = points if isinstance(points, Tensor) else np.asarray(points)
        clouds, kept = as_clouds(points, self.checkpoint.config.train.points, self.normalisation)
        options = DetectOptions(inference, batch_size, precision)
        predictions = self.detect(clouds, options, category=self.check_category(category))
        return as_given(points, predictions, kept)

    def check_category(self, category: str | None) -> str | None:
        """Return a category that the user named; None if nobody named one.

        Raises:
            KgError: The detector was not trained on it.
        """
        known = self.checkpoint.config.model.categories
        if category is not None and category not in known:
            raise unknown_name("category of this detector", category, known)
        return category

    def known(self, category: str | None) -> str | None:
        """Return a category if the detector was trained on it; None if not."""
        return category if category in self.checkpoint.config.model.categories else None

    @torch.no_grad()
    def detect(
        self,
        clouds: Clouds,
        options: DetectOptions = USUAL,
        *,
        category: str | None = None,
        meta: dict[str, Any] | None = None,
        progress: Progress = lambda done, total: None,
    ) -> Predictions:
        """Return the keypoints of clouds, which are thinned to the N of the training.

        Args:
            clouds: Of a store, or of files.
            options: How.
            category: Of the clouds, for a detector that was trained on several.
            meta: What is known beside what the detector says of itself.
            progress: Called with (done, total).

        Raises:
            KgError: The clouds have fewer points than that, the detector does not say where points lie, or it
                does not track.
        """
        config = self.checkpoint.config
        inference = options.inference or config.model.inference
        points = thin(clouds.points, config.train.points)
        columns: dict[str, list[np.ndarray[Any, Any]]] = {
            name: [] for name in ("keypoints", "indices", "confidences", "edges", "rest", "visible")
        }
        together = (
            _sequences(clouds)
            if options.track
            else np.split(np.arange(len(points)), range(options.batch_size, len(points), options.batch_size))
        )
        done = 0
        for rows in together:
            batch, carry_back = self.to_device(points[rows], clouds.scale[rows], clouds.offset[rows])
            if options.track:
                there = to_source(points[rows], clouds.scale[rows], clouds.offset[rows])
                of_batch = self._tracked(batch, there - there.mean((0, 1)), options.precision, category)
            else:
                of_batch = self._surest(batch, inference, options.precision, category)
            of_batch[0] = carry_back(cast(Tensor, of_batch[0]))
            for column, value in zip(columns.values(), of_batch[: len(columns)], strict=True):
                if value is not None and (column is not columns["rest"] or options.dense):
                    column.append(value.cpu().numpy())
            done += len(rows)
            progress(done, len(points))
        order = np.argsort(np.concatenate(together))
        stacked = {name: np.concatenate(values)[order] for name, values in columns.items() if values}
        if options.dense and "rest" not in stacked:
            raise KgError(
                f"The detector {config.model.detector} does not say where points lie at rest.",
                "One that does: kg train --detector follow",
            )
        pairs = ops.edge_pairs(stacked["keypoints"].shape[1]).numpy()
        if "edges" not in stacked:
            pairs, stacked["edges"] = pairs[:0], np.zeros((len(points), 0), np.float32)
        return Predictions(
            ids=np.array(clouds.ids),
            objects=np.array(clouds.objects),
            points=points,
            scale=clouds.scale,
            offset=clouds.offset,
            keypoints_source=to_source(stacked["keypoints"], clouds.scale, clouds.offset),
            edge_pairs=pairs,
            meta=self._meta(inference)
            | {"precision": options.precision, "track": options.track}
            | (meta or {}),
            **stacked,
        )

    def _meta(self, inference: str) -> dict[str, Any]:
        config = self.checkpoint.config
        return {
            "run": self.run,
            "checkpoint": self.checkpoint.identity,
            "epoch": self.checkpoint.epoch,
            "preset": config.preset,
            "detector": config.model.detector,
            "seed": config.train.seed,
            "inference": inference,
            **asdict(self.view),
            "device": self.device.type,
            "command": " ".join(["kg", *sys.argv[1:]]),
            "kg": kg.__version__,
        }


def _of_one_meaning(anchors: str) -> str:
    """Return anchors as a detector knows them: the checkpoint file of `latest`, and of predictions."""
    is_ours = Path(anchors).name == LATEST or Path(anchors).suffix == ".npz"
    return str(find_checkpoint(anchors)) if is_ours else anchors


def _columns(detections: Found) -> tuple[Tensor | None, ...]:
    """Return what was found, in the order of `Found`."""
    return (
        detections.keypoints,
        detections.indices,
        detections.confidences,
        detections.edges,
        detections.rest,
        detections.visible,
        detections.upright,
    )


def _sure(columns: Sequence[Tensor | None]) -> Tensor:
    """Return how sure a detector is of clouds as they lie, (B,), greater for surer."""
    confidences, upright = cast(Tensor, columns[2]), columns[-1]
    sure = confidences.mean(1).clamp(min=1e-6).log()
    return sure if upright is None else sure + upright


def _sequences(clouds: Clouds) -> list[NDArray[np.int64]]:
    """Return the rows of each object's clouds, in the order of their frames."""
    objects = np.array(clouds.objects)
    rows = (np.flatnonzero(objects == name) for name in dict.fromkeys(clouds.objects))
    return [own[np.argsort(clouds.frame[own], kind="stable")] for own in rows]
