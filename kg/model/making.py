"""Detectors made as they are configured, and the options that plugins take."""

import inspect
from collections.abc import Mapping
from typing import Any

from kg import plugins
from kg.config import ModelConfig, TrainConfig
from kg.errors import unknown_name
from kg.model.chosen import Chosen
from kg.model.detector import Detector


def make_detector(model: ModelConfig, train: TrainConfig) -> Detector:
    """Return a new detector, as configured.

    Raises:
        KgError: There is no detector or backbone of that name, or it has no such option.
    """
    kind = plugins.DETECTORS.load(model.detector)
    check_options(f"detector {model.detector}", kind, model.detector_options)
    made: Detector = kind(model, train, **model.detector_options)
    return Chosen(made, model.chosen, model.keypoints) if model.chosen else made


def check_options(owner: str, kind: type, options: Mapping[str, Any]) -> None:
    """Check that a plugin's constructor takes the options that are given.

    Raises:
        KgError: It has no option of some name.
    """
    parameters = inspect.signature(kind).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        # It passes them on, and whoever takes them checks.
        return
    own = own_options(kind)
    for name in options:
        if name not in own:
            raise unknown_name(f"option of the {owner}", name, own)


def own_options(kind: type) -> dict[str, Any]:
    """Return the options that a plugin's constructor takes by name, with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in ("model", "train")
        and (parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY)
    }
