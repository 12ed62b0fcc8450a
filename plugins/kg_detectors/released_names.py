"""Parameters of the released encoder that Key-Grid and Skeleton Merger share, by kg's names.

It is the PointNet++ of a public PyTorch version, with heads on top. Its layers are 1x1 convolutions; kg's
are linear layers on rows, with the same numbers.
"""

import re

_ABSTRACTION = re.compile(r"PTW\.sa(\d)\.(conv|bn)_blocks\.(\d)\.(\d)\.(.+)")
_PROPAGATION = re.compile(r"PTW\.fp(\d)\.mlp_(conv|bn)s\.(\d)\.(.+)")
_EDGE = re.compile(r"MA\.(sublayers|batch_norms)\.(\d)\.(.+)")
_PLAIN = {
    "PTW.conv1": "keypoint_head.hidden.linears.0",
    "PTW.bn1": "keypoint_head.hidden.norms.0",
    "PTW.conv2": "keypoint_head.score",
    "PT_L": "keypoint_head.mix",
    "MA_L": "edge_head.score",
}


def encoder_name(name: str) -> str | None:
    """Return kg's name of a parameter of the encoder or of a head, or None for any other."""
    if match := _ABSTRACTION.fullmatch(name):
        level, kind, scale, layer, rest = match.groups()
        group = f"backbone.abstractions.{int(level) - 1}.{scale}"
        if kind == "bn":
            return f"{group}.norms.{layer}.{rest}"
        return f"{group}.first.{rest}" if layer == "0" else f"{group}.linears.{int(layer) - 1}.{rest}"
    if match := _PROPAGATION.fullmatch(name):
        level, kind, layer, rest = match.groups()
        owner = f"backbone.propagations.{int(level) - 1}"
        return f"{owner}.{'linears' if kind == 'conv' else 'norms'}.{layer}.{rest}"
    if match := _EDGE.fullmatch(name):
        kind, layer, rest = match.groups()
        return f"edge_head.hidden.{'linears' if kind == 'sublayers' else 'norms'}.{layer}.{rest}"
    owner, _, rest = name.rpartition(".")
    return f"{_PLAIN[owner]}.{rest}" if owner in _PLAIN else None
