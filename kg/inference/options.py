"""Options of prediction: how a detector looks at clouds, and how keypoints are found in them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from kg.config import Inference
from kg.inference.poses import Up
from kg.model.turns import Search
from kg.ops.precision import Precision


@dataclass(frozen=True)
class ViewOptions:
    """How clouds come before a detector, and where it reads keypoints out. Predictions say them in `meta`.

    Attributes:
        up: The axis of the clouds that lies as z did in training.
        anchors: Where keypoints are read out instead, for a detector that reads them out at places of the
            object at rest (see `kg.model.Detector.read_at`); None for where the training had them.
        search: In which turns a cloud may lie. A detector recognises which it is (`kg.model.Detector.
            turn_back`), or each is tried and the surest counts (`kg.inference.poses.rotations`).
        views: In how many views each cloud is seen; see `kg.model.Detector.look_at`.
    """

    up: Up = "z"
    anchors: str | None = None
    search: Search = "none"
    views: int = 1

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> "ViewOptions":
        """Return those that predictions were made with; older ones lack some."""
        return cls(**{item.name: meta[item.name] for item in fields(cls) if item.name in meta})


@dataclass(frozen=True)
class DetectOptions:
    """How keypoints of clouds are found.

    Attributes:
        inference: "soft" or "hard"; the run's own by default.
        batch_size: Clouds at a time.
        precision: Of matrix products.
        dense: Also say where on its object at rest every point lies.
        track: Take the clouds of an object as frames, each seen in the light of the others.
    """

    inference: Inference | None = None
    batch_size: int = 8
    precision: Precision = "fp32"
    dense: bool = False
    track: bool = False


AS_TRAINED, USUAL = ViewOptions(), DetectOptions()
