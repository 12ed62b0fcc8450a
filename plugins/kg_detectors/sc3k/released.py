"""Checkpoints of SC3K's released training script: a state dict and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from kg.config import Config
from kg.errors import KgError
from kg.model import Adopted

_TRANSFORM = re.compile(r"estimate_kp\.pointnet_encoder\.(f?)stn\.(conv|fc|bn)(\d)\.(.+)")
_ENCODER = re.compile(r"estimate_kp\.pointnet_encoder\.(conv|bn)(\d)\.(.+)")
_BLOCK = re.compile(r"estimate_kp\.block(\d)\.(conv|bn)2(\d)\.(.+)")
_SCORE = "estimate_kp.conv23."


def adopt(content: Mapping[str, Any], defaults: Mapping[str, str]) -> Adopted | None:
    """Return a released checkpoint in kg's terms, or None if a loaded file is none.

    Args:
        content: The file's.
        defaults: Options of a training by name, the authors' settings.

    Raises:
        KgError: A parameter is none that the released network has.
    """
    if f"{_SCORE}weight" not in content:
        return None
    state: dict[str, Tensor] = {}
    for name, value in content.items():
        ours = released_name(name)
        # Norms that are followed by ReLU keep no counters.
        if not ours.endswith("num_batches_tracked") or ".norm." in ours:
            # A convolution's kernel axis has length one.
            state[ours] = value.flatten(1) if value.ndim > 2 else value
    config = Config()
    keypoints = str(len(content[f"{_SCORE}weight"]))
    for option, text in {**defaults, "keypoints": keypoints, "canonical": "false"}.items():
        config = config.override(option, text)
    model = replace(config.model, detector="sc3k", detector_options={"release": "true"})
    return Adopted(replace(config, model=model), state, 0, [])


def released_name(name: str) -> str:
    """Return kg's name of a parameter of the released code.

    Raises:
        KgError: It is none of its.
    """
    if match := _TRANSFORM.fullmatch(name):
        kind, layer, rest = match[2], int(match[3]), match[4]
        owner = f"encoder.{'feature' if match[1] else 'place'}"
        if kind == "conv":
            return f"{owner}.points.linears.{layer - 1}.{rest}"
        if kind == "fc":
            return f"{owner}.matrix.{rest}" if layer == 3 else f"{owner}.whole.linears.{layer - 1}.{rest}"
        return (
            f"{owner}.points.norms.{layer - 1}.{rest}"
            if layer < 4
            else (f"{owner}.whole.norms.{layer - 4}.{rest}")
        )
    if match := _ENCODER.fullmatch(name):
        kind, layer, rest = "linears" if match[1] == "conv" else "norms", int(match[2]), match[3]
        part, place = ("first", 0) if layer == 1 else ("rest", layer - 2)
        return f"encoder.{part}.{kind}.{place}.{rest}"
    if match := _BLOCK.fullmatch(name):
        block, kind, layer, rest = int(match[1]) - 1, match[2], int(match[3]), match[4]
        if layer == 1:
            return f"blocks.{block}.hidden.{'linears' if kind == 'conv' else 'norms'}.0.{rest}"
        return f"blocks.{block}.{'out' if kind == 'conv' else 'norm'}.{rest}"
    if name.startswith(_SCORE):
        return f"score.{name.removeprefix(_SCORE)}"
    raise KgError(f"The checkpoint holds '{name}', which the released SC3K does not have.")
