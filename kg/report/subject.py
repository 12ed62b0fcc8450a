"""What a report is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.metrics import Curve
from kg.model.reliance import HeatmapUse
from kg.predictions import Predictions
from kg.results import Result


@dataclass(frozen=True, eq=False)
class Subject:
    """What a report is about.

    Attributes:
        predictions: What was measured; the first training's, where there are several.
        results: The figures.
        run: The run folder, where there is one: its configuration, training and environment are shown.
        use: Whether the decoder uses the heatmap, where it was asked.
        curves: Further curves, such as figures over the strength of a corruption.
        provenance: Of the prepared store.
        command: What was typed.
    """

    predictions: Predictions
    results: Sequence[Result]
    run: Path | None = None
    use: HeatmapUse | None = None
    curves: Sequence[Curve] = ()
    provenance: Mapping[str, Any] | None = None
    command: str = ""
