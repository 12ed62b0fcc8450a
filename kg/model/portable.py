"""A detector alone in one small file, its weights in half precision; those that come with kg."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg.config import Config, DataConfig
from kg.model.tensors import SUFFIX, save_tensors

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
    plain = replace(
        config, data=DataConfig(split_by=config.data.split_by), train=replace(config.train, init="")
    )
    halves = {name: value.half() if value.dtype == torch.float32 else value for name, value in state.items()}
    save_tensors(path, {**kind, "config": plain.to_dict()}, halves)
