"""What a training is told: every option, the presets, and what a user's words make of them."""

from kg.config.options import (
    ABLATIONS,
    Config,
    DataConfig,
    Inference,
    ModelConfig,
    Normalisation,
    TrainConfig,
    options,
)
from kg.config.presets import ABOUT, PRESETS, preset

__all__ = [
    "ABLATIONS",
    "ABOUT",
    "PRESETS",
    "Config",
    "DataConfig",
    "Inference",
    "ModelConfig",
    "Normalisation",
    "TrainConfig",
    "options",
    "preset",
]
