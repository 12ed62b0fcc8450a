"""How figures fall as clouds get worse (Figure 6 of the paper)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.data.corruptions import CORRUPTIONS
from kg.errors import KgError, unknown_name
from kg.evaluation.metrics import METRICS, Curve
from kg.evaluation.results import Result

if TYPE_CHECKING:
    from kg.inference.predictions import Predictions
    from kg.inference.redetection import Redetection


@dataclass(frozen=True, eq=False)
class Robustness:
    """Results at each level of one corruption.

    Attributes:
        corruption: Its name in `CORRUPTIONS`.
        levels: Of it.
        results: Of every metric, at each level.
        seed: Of what is random in it.
    """

    corruption: str
    levels: list[float]
    results: list[list[Result]]
    seed: int

    def curves(self) -> list[Curve]:
        """Return every part of every metric over the levels."""
        return [
            self._curve(number, part, f"{first.metric} {part}")
            for number, first in enumerate(self.results[0])
            for part in first.units
        ]

    def headlines(self) -> list[Curve]:
        """Return, for every metric, the part that stands for it over the levels."""
        return [
            self._curve(number, METRICS[first.metric].headline, first.metric)
            for number, first in enumerate(self.results[0])
        ]

    def _curve(self, number: int, part: str, name: str) -> Curve:
        kind = CORRUPTIONS[self.corruption]
        return Curve(
            name,
            np.array(self.levels),
            np.array(
                [
                    np.nan if results[number].meaningless else results[number].values[part]
                    for results in self.results
                ]
            ),
            kind.axis,
            name,
            kind.unit,
            self.results[0][number].units[part],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        at = [
            {"level": level, "results": [result.to_dict() for result in results]}
            for level, results in zip(self.levels, self.results, strict=True)
        ]
        return {"corruption": self.corruption, "seed": self.seed, "levels": at}


def parse_corruption(text: str) -> tuple[str, list[float]]:
    """Return the name and the levels of NAME, NAME=LEVEL, NAME=FROM:TO or NAME=FROM:TO:STEPS.

    Raises:
        KgError: There is no such corruption, or it has no such level.
    """
    name, equals, levels = text.strip().partition("=")
    if name not in CORRUPTIONS:
        raise unknown_name("corruption", name, CORRUPTIONS)
    corruption = CORRUPTIONS[name]
    example = f"For example: --corrupt {name}={':'.join(f'{number:g}' for number in corruption.levels)}"
    low, high, count = map(float, corruption.levels)
    if equals:
        try:
            numbers = [float(number) for number in levels.split(":")]
            low, high, count = [(*numbers, *numbers, 1), (*numbers, count), tuple(numbers)][len(numbers) - 1]
        except (ValueError, IndexError):
            raise KgError(f"'{text}' is no corruption with levels from:to:steps.", example) from None
    if not (corruption.least <= low <= high <= corruption.most and count >= 1 and float(count).is_integer()):
        bounds = f"{corruption.least:g} to {corruption.most:g}"
        raise KgError(f"'{text}': {name} has levels from {bounds}, ascending.", example)
    return name, corruption.spaced(low, high, int(count))


def measure_robustness(
    again: "Redetection",
    corruptions: Sequence[tuple[str, list[float]]],
    measure: "Callable[[Predictions], list[Result]]",
) -> list[Robustness]:
    """Measure the keypoints found in clouds that are ever worse.

    Args:
        again: The detector and its predictions on clean clouds.
        corruptions: Their names with their levels.
        measure: Of predictions; `kg.evaluation.evaluate.evaluate`, with its options.
    """
    return [
        Robustness(name, levels, [measure(again.corrupted(name, level)) for level in levels], again.seed)
        for name, levels in corruptions
    ]
