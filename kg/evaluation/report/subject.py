"""What a report is about."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import KgError
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.floors import Floor
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness
from kg.inference.landmarks import LandmarkKeypoint
from kg.inference.predictions import Predictions
from kg.model import HeatmapUse
from kg.train.runs import find_run


@dataclass(frozen=True, eq=False)
class Subject:
    """What a report is about.

    Attributes:
        predictions: What was measured; the first training's, where there are several.
        results: The results.
        run: The run folder, where it is here: its configuration, training and environment are shown.
        use: Whether the decoder uses the heatmap, where the detector could be asked.
        robustness: Results over the strength of corruptions.
        provenance: Of the prepared store, where it is here.
        command: What was typed.
        floors: Results of reference keypoints on the same clouds.
        landmarks: The keypoint that lies on each named landmark.
    """

    predictions: Predictions
    results: Sequence[Result]
    run: Path | None = None
    use: HeatmapUse | None = None
    robustness: Sequence[Robustness] = ()
    provenance: Mapping[str, Any] | None = None
    command: str = ""
    floors: Sequence[Floor] = ()
    landmarks: Sequence[LandmarkKeypoint] = ()

    @classmethod
    def of(cls, evaluation: Evaluation) -> "Subject":
        """Return all that can be told of an evaluation, as far as its detector, run and store are here."""
        predictions, use = evaluation.predictions, None
        if (redetection := evaluation.redetection) is not None:
            detector, inference = redetection.detector, predictions.meta["inference"]
            known = predictions.points, predictions.scale, predictions.offset
            clouds, _ = detector.to_training_frame(detector.to_device(*known)[0])
            use = detector.checkpoint.model.heatmap_use(clouds, inference)
            if evaluation.protocol.corruption is not None:
                predictions = redetection.corrupted(*evaluation.protocol.corruption)
        run = None
        if name := predictions.meta.get("run"):
            with suppress(KgError):
                run = find_run(name)
        store = predictions.find_store()
        return cls(
            predictions=predictions,
            results=evaluation.results,
            run=run,
            use=use,
            robustness=evaluation.robustness,
            provenance=None if store is None else store.provenance,
            command=shlex.join(["kg", *sys.argv[1:]]),
            floors=evaluation.floors,
            landmarks=evaluation.landmarks,
        )
