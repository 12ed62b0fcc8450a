"""Checkpoints of Skeleton Merger's released training script: a state dict and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from kg import ops
from kg.config import Config
from kg.errors import KgError
from kg.model import Adopted
from kg_detectors.released_names import encoder_name

_OFFSETS = re.compile(r"DEC\.(\d+)\.(\d+)\.emb")
_PER_EDGE = ("edge_head.score.weight", "edge_head.score.bias")


def adopt(content: Mapping[str, Any], defaults: Mapping[str, str]) -> Adopted | None:
    """Return a released checkpoint in kg's terms, or None if a loaded file is none.

    Args:
        content: The file's.
        defaults: Options of a training by name, the authors' settings.

    Raises:
        KgError: A parameter is none that the released network has.
    """
    if "PT_L.weight" not in content or "DEC.1.0.emb" not in content:
        return None
    keypoints = len(content["PT_L.weight"])
    state: dict[str, Tensor] = {}
    unused, offsets = [], {}
    for name, value in content.items():
        if name == "MA_EMB":
            unused.append(name)
        elif match := _OFFSETS.fullmatch(name):
            offsets[int(match[2]), int(match[1])] = value
        elif not name.endswith("num_batches_tracked"):
            ours = encoder_name(name)
            if ours is None:
                raise KgError(
                    f"The checkpoint holds '{name}', which the released Skeleton Merger does not have."
                )
            # A convolution's kernel axes have length one.
            state[ours] = value.flatten(1) if value.ndim > 2 else value
    pairs = [(int(first), int(second)) for first, second in ops.edge_pairs(keypoints)]
    state["offsets"] = torch.stack([offsets[pair] for pair in pairs])
    rows = released_rows(keypoints)
    for name in _PER_EDGE:
        state[name] = state[name][rows]
    config = Config()
    for option, text in {**defaults, "keypoints": str(keypoints), "canonical": "false"}.items():
        config = config.override(option, text)
    model = replace(config.model, detector="skeleton-merger", detector_options={"release": "true"})
    return Adopted(replace(config, model=model), state, 0, unused)


def released_rows(keypoints: int) -> Tensor:
    """Return where each edge, in the order of `kg.ops.edge_pairs`, stands in the released order, (E,).

    That one is (1, 0), (2, 0), (2, 1), (3, 0), ...
    """
    first, second = ops.edge_pairs(keypoints).unbind(1)
    return second * (second - 1) // 2 + first
