"""What a user may name where a command works on a detector, a run or predictions.

A run, by its folder or its name in the runs folder; `latest`, the run whose checkpoint was written last;
a checkpoint file; the name of a detector that comes with kg; a file of predictions, which stands for the
detector that made it too; and where several are taken, a sweep, which stands for its runs. A run, a
checkpoint or predictions may be named by URL (see `kg.data.remote`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kg.data.remote import copy_here, folder_here, url_of
from kg.errors import KgError
from kg.inference.predictions import Predictions
from kg.model.checkpoint import LAST, checkpoints, identity_of
from kg.model.portable import all_trained, trained
from kg.model.tensors import SUFFIX
from kg.train.copying import FILES, bring
from kg.train.runs import LATEST, find_run, find_sweep, is_run, name_of

Named = Path | str | None
"""What a user typed; nothing for the latest run."""

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".ckpt", SUFFIX)


@dataclass(frozen=True)
class Target:
    """One thing that was named.

    Attributes:
        kind: What it is.
        path: The run's folder, or the file.
    """

    kind: Literal["run", "checkpoint", "predictions"]
    path: Path

    @property
    def label(self) -> str:
        """What a table calls it."""
        return self.path.name if self.kind == "run" else self.path.stem

    @property
    def run(self) -> Path | None:
        """The run that a checkpoint or a run is; None for a checkpoint elsewhere, and for predictions."""
        if self.kind == "checkpoint":
            return self.path.parent.resolve() if is_run(self.path.parent) else None
        return self.path if self.kind == "run" else None


def find_target(named: Named) -> Target:
    """Return what was named.

    Raises:
        KgError: There is nothing of that name, or it is a sweep, of which one run has to be named.
    """
    if named is not None and (url := url_of(named)):
        return _target_at(url)
    path = None if named is None else Path(named).expanduser()
    if path is not None and path.suffix == ".npz":
        return Target("predictions", path)
    if path is not None and (path.is_file() or path.suffix in CHECKPOINT_SUFFIXES):
        return Target("checkpoint", path)
    try:
        return Target("run", find_run(path))
    except KgError as error:
        if path is not None and (file := trained(path)):
            return Target("checkpoint", file)
        if path is not None and (runs := find_sweep(path)):
            names = ", ".join(name_of(run) for run in runs)
            raise KgError(
                f"{named} is a sweep of {len(runs)} runs, and one is needed.", f"Name one: {names}."
            ) from None
        if path is None or path.name == LATEST:
            raise
        shipped = ", ".join(file.stem for file in all_trained())
        raise KgError(error.message, f"{error.hint} Those that come with kg: {shipped}.") from None


def _target_at(url: str) -> Target:
    """Return a copy of what lies at a URL."""
    suffix = Path(url.partition("?")[0]).suffix
    if suffix == ".npz":
        return Target("predictions", copy_here(url))
    if suffix in CHECKPOINT_SUFFIXES:
        return Target("checkpoint", copy_here(url))
    run = folder_here(url, FILES)
    if not is_run(run):
        raise KgError(f"{url} is no run folder: it has no config.json.", "Name a checkpoint file in it.")
    return Target("run", run)


def find_targets(named: Sequence[Path | str]) -> list[Target]:
    """Return what was named, each sweep replaced by its runs.

    Raises:
        KgError: There is nothing of one of the names.
    """
    targets = []
    for one in named:
        path = Path(one).expanduser()
        runs = [] if is_run(path) else find_sweep(path)
        targets += [Target("run", run) for run in runs] or [find_target(one)]
    return targets


def find_checkpoint(named: Named, checkpoint: str | None = None) -> Path:
    """Return the checkpoint file of what was named.

    Args:
        named: A run, a checkpoint file, or predictions, for the checkpoint that made them.
        checkpoint: Of a run: "best", "last" or a file of it; its best by default. Alone: any file.

    Raises:
        KgError: There is none, or the two contradict each other.
    """
    file = None if checkpoint in (None, "best", "last") else Path(str(checkpoint)).expanduser()
    if file is not None and (url := url_of(file)):
        file = copy_here(url)
    if named is None and file is not None:
        return file if file.is_file() else trained(file) or file
    target = find_target(named)
    if target.kind == "predictions":
        if checkpoint is not None:
            raise _contradiction(named, checkpoint, "which names its checkpoint itself")
        return _maker(target.path)
    if target.kind == "checkpoint":
        if checkpoint is not None and target.path.stem != checkpoint and target.path != file:
            raise _contradiction(named, checkpoint, "which is a checkpoint itself")
        return target.path
    if file is not None:
        inside = next((path for path in (target.path / file, file) if path.is_file()), file)
        if inside.resolve().parent != target.path.resolve():
            raise _contradiction(named, str(checkpoint), "whose folder it does not lie in")
        return inside
    files = checkpoints(target.path, *([checkpoint] if checkpoint else []))
    if not files:
        raise KgError(
            f"The run {name_of(target.path)} has no checkpoint{f' {checkpoint}' if checkpoint else ''}.",
            f"Train it further: kg train --resume {name_of(target.path)}",
        )
    return files[0]


def find_run_of(named: Named) -> Path:
    """Return the folder of the run that was named, by itself, its checkpoint or what it predicted.

    Raises:
        KgError: There is none.
    """
    target = find_target(named)
    if target.kind == "predictions" and (name := Predictions.load(target.path).meta.get("run")):
        return find_run(name)
    if target.run is None:
        raise KgError(f"No run made {target.path}.", "Name a run by its folder or its name; kg list runs")
    return target.run


def find_resumed(named: Named) -> Path:
    """Return the folder of a run that is to be trained further; one at a URL is copied to the runs folder.

    Raises:
        KgError: There is none, or a checkpoint is named from which no training goes on.
    """
    if named is not None and (url := url_of(named)):
        return bring(url)
    target = find_target(named)
    if target.kind == "checkpoint" and (target.run is None or target.path.stem != LAST):
        raise KgError(
            f"No training goes on from {target.path}.", f"Name the run, or its checkpoint '{LAST}'."
        )
    return find_run_of(named)


def maker_of(meta: dict[str, Any]) -> Path | None:
    """Return the checkpoint file that made predictions, by what they say; None where it is not here."""
    if not meta.get("run"):
        return next((file for file in all_trained() if identity_of(file) == meta.get("checkpoint")), None)
    try:
        run = find_run(meta["run"])
    except KgError:
        return None
    files = checkpoints(run)
    return next((path for path in files if identity_of(path) == meta.get("checkpoint")), None)


def _maker(predictions: Path) -> Path:
    meta = Predictions.load(predictions).meta
    if (checkpoint := maker_of(meta)) is None:
        maker = f"the run {meta['run']}" if meta.get("run") else "a checkpoint"
        raise KgError(
            f"{predictions} was made by {maker}, whose checkpoint {meta.get('checkpoint')} is not here.",
            "Name a run or a checkpoint file.",
        )
    return checkpoint


def _contradiction(named: Named, checkpoint: str, why: str) -> KgError:
    return KgError(f"--checkpoint {checkpoint} contradicts {named}, {why}.", "Leave one of them out.")
