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

_ABSTRACTION = re.compile(r"PTW\.sa(\d)\.(conv|bn)_blocks\.(\d)\.(\d)\.(.+)")
_PROPAGATION = re.compile(r"(PTW|decoder)\.fp(\d)\.mlp_(conv|bn)s\.(\d)\.(.+)")
_REFINEMENT = re.compile(r"decoder\.decoder\.mlp(\d)\.(\d+)\.(.+)")
_EDGE = re.compile(r"MA\.(sublayers|batch_norms)\.(\d)\.(.+)")
_PLAIN = {
    "PTW.conv1": "keypoint_head.hidden.linears.0",
    "PTW.bn1": "keypoint_head.hidden.norms.0",
    "PTW.conv2": "keypoint_head.score",
    "PT_L": "keypoint_head.mix",
    "MA_L": "edge_head.score",
    "decoder.decoder.mlp2.9": "decoder.point",
}
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
    if match := _ABSTRACTION.fullmatch(name):
        level, kind, scale, layer, rest = match.groups()
        group = f"backbone.abstractions.{int(level) - 1}.{scale}"
        if kind == "bn":
            return f"{group}.norms.{layer}.{rest}"
        return f"{group}.first.{rest}" if layer == "0" else f"{group}.linears.{int(layer) - 1}.{rest}"
    if match := _PROPAGATION.fullmatch(name):
        owner, level, kind, layer, rest = match.groups()
        steps = "backbone.propagations" if owner == "PTW" else "decoder.steps"
        return f"{steps}.{int(level) - 1}.{'linears' if kind == 'conv' else 'norms'}.{layer}.{rest}"
    if match := _EDGE.fullmatch(name):
        kind, layer, rest = match.groups()
        return f"edge_head.hidden.{'linears' if kind == 'sublayers' else 'norms'}.{layer}.{rest}"
    owner, _, rest = name.rpartition(".")
    if owner in _PLAIN:
        return f"{_PLAIN[owner]}.{rest}"
    if match := _REFINEMENT.fullmatch(name):
        # Two sequences of (convolution, norm, ReLU) triples, three layers each.
        sequence, position, rest = int(match[1]), int(match[2]), match[3]
        layer = (sequence - 1) * 3 + position // 3
        return f"decoder.refine.{'norms' if position % 3 else 'linears'}.{layer}.{rest}"
    raise KgError(f"The checkpoint holds '{name}', which the released Key-Grid does not have.")
