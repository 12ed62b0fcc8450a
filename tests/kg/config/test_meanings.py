"""The meaning of fields, read from docstrings."""

from dataclasses import dataclass, fields
from typing import Any

import pytest

from kg import plugins
from kg.config import ModelConfig, TrainConfig
from kg.config.meanings import meanings
from kg.data.camera import Camera
from kg.model.making import own_options
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


def test_arguments_are_explained_as_attributes_are() -> None:
    class Jog:
        """A slow run.

        Attributes:
            shape: (N,).

        Args:
            pace: Metres.

        Raises:
            KgError: Never.
        """

    assert meanings(Jog) == {"shape": "(N,).", "pace": "Metres."}


@pytest.mark.parametrize("group", [plugins.DETECTORS, plugins.BACKBONES])
def test_every_option_of_a_plugin_is_explained(group: plugins.Kind[Any]) -> None:
    options = {(kind, name) for kind in group.working().values() for name in own_options(kind)}
    assert options
    assert {(kind, name) for kind, name in options if name not in meanings(kind)} == set()


KINDS = [plugins.DEFORMATIONS.load(plugin.name) for plugin in plugins.DEFORMATIONS.all()]


@pytest.mark.parametrize("kind", [*KINDS, Settings, Camera, ModelConfig, TrainConfig])
def test_every_option_is_explained(kind: type) -> None:
    assert meanings(kind).keys() == {field.name for field in fields(kind)}
