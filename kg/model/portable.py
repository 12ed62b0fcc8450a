"""A detector alone in one small file: weights in half precision as safetensors, options in its head."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg import paths
from kg.config import Config, DataConfig
from kg.errors import KgError

SUFFIX = ".safetensors"
HEAD = "kg"
"""Key of the head's entry that holds all but the weights, as JSON."""
TRAINED = Path(__file__).parent / "trained"
"""Where detectors lie that come with kg."""


def trained(name: Path | str) -> Path | None:
    """Return the file of a detector that comes with kg; None if none has that name."""
    file = TRAINED / f"{name}{SUFFIX}"
    return file if str(name) in {path.stem for path in all_trained()} else None


def all_trained() -> list[Path]:
    """Return the files of all detectors that come with kg."""
    return sorted(TRAINED.glob(f"*{SUFFIX}"))


def save_portable(path: Path, kind: Mapping[str, Any], state: Mapping[str, Tensor], config: Config) -> None:
    """Write a detector for others to use, whole or not at all.

    Where the data lay is left out; floats are rounded to half precision, which moves keypoints by less than
    the noise of a scan.

    Args:
        path: Where.
        kind: The format, its version and the epoch, as `kg.model.checkpoint` writes them.
        state: The model's.
        config: The run's.
    """
    from safetensors.torch import save_file

    plain = replace(
        config, data=DataConfig(split_by=config.data.split_by), train=replace(config.train, init="")
    )
    head = {**kind, "config": plain.to_dict()}
    halves = {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous()
        for name, value in state.items()
    }
    with paths.replacing(path) as temporary:
        save_file(halves, temporary, {HEAD: json.dumps(head)})


def read_portable(path: Path) -> dict[str, Any]:
    """Return what `save_portable` wrote, as a checkpoint's content, from which no training goes on.

    Raises:
        KgError: The file is none such.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            head = json.loads((file.metadata() or {}).get(HEAD, "null"))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, ValueError) as error:
        raise KgError(
            f"{path} cannot be read as a checkpoint.", "It may be cut short; use another."
        ) from error
    if not isinstance(head, dict):
        raise KgError(f"{path} holds weights of another program.", "kg export writes what kg reads.")
    return {**head, "model": state, "training": {}}
