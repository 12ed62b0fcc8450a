"""Checkpoints: kg's own, and those of code that the authors of a method released."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg import paths, plugins
from kg.config import Config
from kg.errors import KgError
from kg.model.detector import Adopted, Detector, make_detector

FORMAT, VERSION = "kg-checkpoint", 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network and where it came from.

    Attributes:
        model: In evaluation mode, on the device that was asked for.
        config: Of the run that made it.
        epoch: Epochs done.
        identity: SHA-256 of the file, the first 12 hexadecimal digits.
        training: What `kg train --resume` needs beside the network; empty for a released checkpoint.
        unused: Parameters of a released checkpoint that nothing reads.
    """

    model: Detector
    config: Config
    epoch: int
    identity: str
    training: dict[str, Any]
    unused: list[str]


def save_checkpoint(
    path: Path, state: Mapping[str, Tensor], config: Config, epoch: int, training: Mapping[str, Any]
) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        path: Where.
        state: The model's.
        config: The run's.
        epoch: Epochs that are done.
        training: What a training goes on from, plain values and tensors; empty for a model to use.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "config": config.to_dict(),
        "epoch": epoch,
        "model": dict(state),
        "training": dict(training),
    }
    with paths.replacing(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint of kg or of the released script; nothing in the file is executed.

    Raises:
        KgError: There is no such file, or it is no checkpoint of either kind.
    """
    if not path.is_file():
        raise KgError(f"There is no checkpoint {path}.", "Train first: kg train --help")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise KgError(
            f"{path} cannot be read as a checkpoint.", "It may be cut short; use another."
        ) from error
    identity = identity_of(path)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        if content["version"] != VERSION:
            raise KgError(f"{path} is of version {content['version']}, kg reads {VERSION}.", "Update kg.")
        config, epoch, state = Config.from_dict(content["config"]), content["epoch"], content["model"]
        training, unused = content["training"], []
    elif isinstance(content, dict) and (released := _adopt(content)):
        config, epoch, state = released.config, released.epoch, released.state
        training, unused = {}, released.unused
    else:
        raise KgError(f"{path} is no checkpoint of kg, nor of the released code of a method that it knows.")
    model = make_detector(config.model, config.train)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise KgError(f"{path} does not fit its own configuration: {error}") from error
    return Checkpoint(model.to(device).eval(), config, epoch, identity, training, unused)


def identity_of(path: Path) -> str:
    """Return by what a checkpoint file is known: its SHA-256, the first 12 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _adopt(content: Mapping[str, Any]) -> Adopted | None:
    """Return what the first detector says that knows the content of a checkpoint."""
    kinds = plugins.DETECTORS.working().values()
    return next(filter(None, (kind.adopt(content) for kind in kinds)), None)
