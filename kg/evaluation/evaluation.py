"""What was measured of a training, or of several together, with all that stands beside the results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kg.evaluation.floors import Floor
from kg.evaluation.protocols import Protocol
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness
from kg.inference.landmarks import LandmarkKeypoint
from kg.inference.predictions import Predictions
from kg.inference.redetection import Redetection


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of a training, or the means over several; it is iterated result by result.

    Attributes:
        results: One for each metric.
        meta: What the predictions say of themselves; a list of all where trainings differ.
        protocol: By which they were measured.
        predictions: What was measured; the first training's, where there are several.
        redetection: The detector that made these predictions, where it is at hand.
        robustness: Results over the strength of each corruption.
        floors: Results of keypoints that no detector found, on the same clouds.
        landmarks: The keypoint that lies on each named landmark; empty for several trainings, whose keypoints
            have other numbers, for keypoints in one place, and where no landmark has a name.
        differences: Sentences on what ought to be alike in the trainings, and is not.
    """

    results: Sequence[Result]
    meta: Mapping[str, Any]
    protocol: Protocol
    predictions: Predictions
    redetection: Redetection | None = None
    robustness: Sequence[Robustness] = ()
    floors: Sequence[Floor] = ()
    landmarks: Sequence[LandmarkKeypoint] = ()
    differences: Sequence[str] = ()

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, row: int) -> Result:
        return self.results[row]

    def notes(self) -> list[str]:
        """Return what a reader has to know before trusting the results, each sentence once."""
        metrics: dict[str, list[str]] = {}
        for result in self.results:
            for warning in result.warnings:
                metrics.setdefault(warning, []).append(result.metric)
        warnings = [
            warning if len(about) == len(self.results) else f"{', '.join(about)}: {warning}"
            for warning, about in metrics.items()
        ]
        return [*self.differences, *warnings]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        written: dict[str, Any] = {
            "predictions": self.meta,
            "results": [result.to_dict() for result in self.results],
            "floors": [floor.to_dict() for floor in self.floors],
            "landmarks": [asdict(landmark) for landmark in self.landmarks],
        }
        if self.protocol.corruption is not None and self.redetection is not None:
            name, level = self.protocol.corruption
            written["corruption"] = {"name": name, "level": level, "seed": self.redetection.seed}
        if self.robustness:
            written["robustness"] = [curve.to_dict() for curve in self.robustness]
        return written
