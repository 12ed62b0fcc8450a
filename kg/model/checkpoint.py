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

from kg import plugins
from kg.config import Config
from kg.data.formats.arrays import refuse_bomb
from kg.errors import KgError
from kg.model.chosen import Chosen
from kg.model.detector import Adopted, Detector
from kg.model.making import make_detector
from kg.model.portable import save_portable
from kg.model.tensors import SUFFIX, put_together, read_tensors, save_tensors, take_apart

FORMAT, VERSION = "kg-checkpoint", 1
TRAINING = "training"
"""What tensors are called, with a slash, that a training goes on from; all others are the model's."""
BEST, LAST = "best", "last"
"""What the checkpoints of a run are called, without the suffix."""
SUFFIXES = (SUFFIX, ".pt")
"""Of a run's checkpoints: as they are written, and as they were before."""
CHECKPOINTS = tuple(f"{name}{suffix}" for name in (BEST, LAST) for suffix in SUFFIXES)
"""The files that they may be, the one to take first."""
CUT = "It may be cut short; use another."
PICKLE = re.compile(rb"\x80[\x03-\xff]")
"""How pickles of Python itself begin; PyTorch's are archives, or older."""
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
        path: Where; it ends in .safetensors.
        state: The model's.
        config: The run's.
        epoch: Epochs that are done.
        training: What a training goes on from, plain values and tensors, in mappings whose keys come back as
            texts; empty for a model to use.
    """
    tensors = dict(state)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "config": config.to_dict(),
        "epoch": epoch,
        "training": take_apart(training, TRAINING, tensors),
    }
    save_tensors(path, head, tensors)


def checkpoints(run: Path, *names: str) -> list[Path]:
    """Return the checkpoints of a run that are there, or those of some names, the one to take first."""
    files = map(run.joinpath, CHECKPOINTS)
    return [path for path in files if path.is_file() and (not names or path.stem in names)]


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
    content = _own_content(path) if path.suffix == SUFFIX else _content(path)
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
    try:
        model = make_detector(config.model, config.train)
    except KgError as error:
        raise KgError(f"{path} cannot be used: {error.message}", error.hint) from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise KgError(f"{path} does not fit its own configuration: {error}") from error
    return Checkpoint(model.to(device).eval(), config, epoch, identity, training, unused)


def _own_content(path: Path) -> dict[str, Any]:
    """Return what a file of `save_checkpoint` or `export_checkpoint` holds."""
    head, tensors = read_tensors(path)
    model = {name: value for name, value in tensors.items() if not name.startswith(f"{TRAINING}/")}
    try:
        return {**head, "model": model, "training": put_together(head.get("training", {}), tensors)}
    except (KeyError, TypeError) as error:
        raise KgError(f"{path} cannot be read as a checkpoint.", CUT) from error


def _content(path: Path) -> Any:
    """Return what a file of PyTorch's holds, as kg wrote before and others do, without running any of it."""
    with path.open("rb") as file:
        if PICKLE.match(file.read(2)):
            raise _runs_code(path, "pickled Python objects")
    try:
        if zipfile.is_zipfile(path):
            refuse_bomb(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except KgError as error:
        raise KgError(f"{path}: {error.message}", error.hint) from error
    except pickle.UnpicklingError as error:
        if match := GLOBAL.search(str(error)):
            raise _runs_code(path, f"a pickled {match[1]}") from error
        raise KgError(f"{path} cannot be read as a checkpoint.", CUT) from error
    except Exception as error:  # the unpickler raises what the bytes lead it to, from AttributeError on
        raise KgError(f"{path} cannot be read as a checkpoint.", CUT) from error


def _runs_code(path: Path, what: str) -> KgError:
    return KgError(
        f"{path} holds {what}. Reading that would run code of the file.",
        "Ask for its weights: torch.save(model.state_dict(), FILE)",
    )


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

    A layer that depends on the number of categories or keypoints begins anew where there are others, unless
    the model knows better (`Detector.go_on_from`).

    Raises:
        KgError: The file is no checkpoint, or of another network.
    """
    checkpoint = load_checkpoint(path, torch.device("cpu"))
    loaded = checkpoint.model.whole if isinstance(checkpoint.model, Chosen) else checkpoint.model
    state = loaded.state_dict()
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
    model.go_on_from(loaded, checkpoint.config.model)
