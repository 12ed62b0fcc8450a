"""What a report is about."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.evaluation.floors import Floor
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness
from kg.inference.predictions import Predictions
from kg.inference.redetection import Redetection
from kg.model import HeatmapUse
from kg.viz.origin import store_of


@dataclass(frozen=True, eq=False)
class Subject:
    """What a report is about.

    Attributes:
        predictions: What was measured; the first training's, where there are several.
        results: The figures.
        run: The run folder, where it is here: its configuration, training and environment are shown.
        use: Whether the decoder uses the heatmap, where the detector could be asked.
        robustness: Figures over the strength of corruptions.
        provenance: Of the prepared store, where it is here.
        command: What was typed.
        floors: Figures of reference keypoints on the same clouds.
    """

    predictions: Predictions
    results: Sequence[Result]
    run: Path | None = None
    use: HeatmapUse | None = None
    robustness: Sequence[Robustness] = ()
    provenance: Mapping[str, Any] | None = None
    command: str = ""
    floors: Sequence[Floor] = ()

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        again: Redetection | None,
        results: Sequence[Result],
        robustness: Sequence[Robustness] = (),
        run: Path | None = None,
        floors: Sequence[Floor] = (),
    ) -> "Subject":
        """Return all that can be told of predictions, given their detector and run where these are here."""
        use = None
        if again is not None:
            detector, inference = again.detector, predictions.meta["inference"]
            known = predictions.points, predictions.scale, predictions.offset
            clouds, _ = detector.to_training_frame(detector.to_device(*known)[0])
            use = detector.checkpoint.model.heatmap_use(clouds, inference)
        store = store_of(predictions)
        return cls(
            predictions=predictions,
            results=results,
            run=run,
            use=use,
            robustness=robustness,
            provenance=None if store is None else store.provenance,
            command=shlex.join(["kg", *sys.argv[1:]]),
            floors=floors,
        )
