"""Checkpoints of Key-Grid's released training script.

They hold `{"epoch", "model_state_dict"}`. The parameters are named after the script's own modules and
are 1x1 convolutions; kg's are linear layers on rows, with the same numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from kg.config import preset
from kg.errors import KgError
from kg.model import Adopted
from kg_detectors.released_names import encoder_name

_PROPAGATION = re.compile(r"decoder\.fp(\d)\.mlp_(conv|bn)s\.(\d)\.(.+)")
_REFINEMENT = re.compile(r"decoder\.decoder\.mlp(\d)\.(\d+)\.(.+)")
_POINT = "decoder.decoder.mlp2.9"
_UNUSED = re.compile(r"MA_EMB$|DEC\.|.*num_batches_tracked$")
"""Parameters that its forward pass never reads, and counters that kg does not keep."""


def adopt(content: Mapping[str, Any]) -> Adopted | None:
    """Return a released checkpoint in kg's terms, or None if a loaded file is none.

    Raises:
        KgError: A parameter is none that the released network has.
    """
    if "PT_L.weight" not in content.get("model_state_dict", ()):
        return None
    state: dict[str, Tensor] = {}
    unused = []
    for name, value in content["model_state_dict"].items():
        if _UNUSED.match(name):
            if not name.endswith("num_batches_tracked"):
                unused.append(name)
            continue
        # A convolution's kernel axes have length one.
        state[_rename(name)] = value.flatten(1) if value.ndim > 2 else value
    base = preset("release")
    config = replace(base, model=replace(base.model, keypoints=len(state["keypoint_head.mix.bias"])))
    return Adopted(config, state, int(content.get("epoch", 0)), unused)


def _rename(name: str) -> str:
    if encoder := encoder_name(name):
        return encoder
    if match := _PROPAGATION.fullmatch(name):
        level, kind, layer, rest = match.groups()
        return f"decoder.steps.{int(level) - 1}.{'linears' if kind == 'conv' else 'norms'}.{layer}.{rest}"
    owner, _, rest = name.rpartition(".")
    if owner == _POINT:
        return f"decoder.point.{rest}"
    if match := _REFINEMENT.fullmatch(name):
        # Two sequences of (convolution, norm, ReLU) triples, three layers each.
        sequence, position, rest = int(match[1]), int(match[2]), match[3]
        layer = (sequence - 1) * 3 + position // 3
        return f"decoder.refine.{'norms' if position % 3 else 'linears'}.{layer}.{rest}"
    raise KgError(f"The checkpoint holds '{name}', which the released Key-Grid does not have.")
