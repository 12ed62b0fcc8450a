"""Checkpoints: kg's own, and those of code that the authors of a method released."""

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg import paths, plugins
from kg.config import Config
from kg.data.formats.arrays import refuse_bomb
from kg.errors import KgError
from kg.model.detector import Adopted, Detector, make_detector
from kg.model.portable import SUFFIX, read_portable, save_portable

FORMAT, VERSION = "kg-checkpoint", 1
CUT = "It may be cut short; use another."
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
"""How PyTorch names a class or function that a file wants called."""


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


def export_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the detector of a checkpoint for others to use; see `kg.model.portable.save_portable`.

    Raises:
        KgError: The file would not be read as what it is.
    """
    if path.suffix != SUFFIX:
        raise KgError(f"{path} would not be known for a detector.", f"End its name in {SUFFIX}.")
    kind = {"format": FORMAT, "version": VERSION, "epoch": checkpoint.epoch}
    save_portable(path, kind, checkpoint.model.state_dict(), checkpoint.config)


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint of kg, or of a method's released code; nothing in the file is executed.

    Raises:
        KgError: There is no such file, or it is no checkpoint of either kind.
    """
    if not path.is_file():
        raise KgError(f"There is no checkpoint {path}.", "Train first: kg train --help")
    content = read_portable(path) if path.suffix == SUFFIX else _content(path)
    identity = identity_of(path)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        try:
            config = _checked(content)
        except KgError as error:
            raise KgError(f"{path} is no checkpoint of kg: {error.message}", error.hint) from error
        epoch, state = content["epoch"], content["model"]
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


def _content(path: Path) -> Any:
    """Return what a file of PyTorch's holds, without running any of it."""
    try:
        if zipfile.is_zipfile(path):
            refuse_bomb(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except KgError as error:
        raise KgError(f"{path}: {error.message}", error.hint) from error
    except pickle.UnpicklingError as error:
        if named := GLOBAL.search(str(error)):
            raise KgError(
                f"{path} holds a pickled {named[1]}. Reading that would run code of the file.",
                "Ask for its weights: torch.save(model.state_dict(), FILE)",
            ) from error
        raise KgError(f"{path} cannot be read as a checkpoint.", CUT) from error
    except Exception as error:  # the unpickler raises what the bytes lead it to, from AttributeError on
        raise KgError(f"{path} cannot be read as a checkpoint.", CUT) from error


def _checked(content: Mapping[str, Any]) -> Config:
    """Return the configuration of a checkpoint of kg, all of which is as it should be.

    Raises:
        KgError: Something is not. The message does not name the file.
    """
    version = content.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise KgError(f"Its version is {str(version)[:20]!r}.")
    if version > VERSION:
        raise KgError(
            f"It was written by a newer kg, as version {version}; this one reads up to {VERSION}.",
            "Update kg: pip install --upgrade kg",
        )
    for name, kind in (("config", dict), ("epoch", int), ("model", dict), ("training", dict)):
        if not isinstance(content.get(name), kind):
            raise KgError(f"It has no '{name}', or one of another kind.")
    for name, value in content["model"].items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise KgError(f"Its weights have {str(name)[:40]!r}, which is no tensor.")
    return Config.from_dict(content["config"])


def identity_of(path: Path) -> str:
    """Return by what a checkpoint file is known: its SHA-256, the first 12 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _adopt(content: Mapping[str, Any]) -> Adopted | None:
    """Return what the first detector says that knows the content of a checkpoint."""
    kinds = plugins.DETECTORS.working().values()
    return next(filter(None, (kind.adopt(content) for kind in kinds)), None)


def begin_with(model: Detector, path: Path) -> None:
    """Give a new model the weights of a checkpoint, all that have the same name and shape.

    A layer that depends on the number of categories or keypoints begins anew where there are others.

    Raises:
        KgError: The file is no checkpoint, or of another network.
    """
    state = load_checkpoint(path, torch.device("cpu")).model.state_dict()
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    weights = {name: value.numel() for name, value in model.named_parameters()}
    taken = sum(count for name, count in weights.items() if name in fitting)
    if 2 * taken < sum(weights.values()):
        raise KgError(
            f"{path} has the weights of another network: {taken:,} of {sum(weights.values()):,} fit.",
            "Leave out what names another detector or backbone: --init takes the run's own.",
        )
    model.load_state_dict(fitting, strict=False)
