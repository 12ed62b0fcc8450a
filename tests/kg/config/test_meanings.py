"""The meaning of fields, read from docstrings."""

from dataclasses import dataclass, fields

import pytest

from kg import plugins
from kg.config import ModelConfig, TrainConfig
from kg.config.meanings import meanings
from kg.data.camera import Camera
from kg.sim.settings import Settings


@dataclass
class Walk:
    """A way.

    Attributes:
        pace: Metres: a step,
            not a stride.
    """

    pace: float = 0.7


@dataclass
class Run(Walk):
    """A fast way.

    Attributes:
        first, last: Metres; drawn evenly.

    Raises:
        nothing: At all.
    """

    first: float = 0.0
    last: float = 1.0


def test_fields_are_explained_with_those_of_parents() -> None:
    even = "Metres; drawn evenly."
    assert meanings(Run) == {"pace": "Metres: a step, not a stride.", "first": even, "last": even}
    assert meanings(int) == {}


KINDS = [plugins.DEFORMATIONS.load(plugin.name) for plugin in plugins.DEFORMATIONS.all()]


@pytest.mark.parametrize("kind", [*KINDS, Settings, Camera, ModelConfig, TrainConfig])
def test_every_option_is_explained(kind: type) -> None:
    assert meanings(kind).keys() == {field.name for field in fields(kind)}
