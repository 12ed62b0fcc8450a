"""The configuration of a training: of a new one, from what it begins with, and of one that goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from kg.config import Config
from kg.config.file import FileOptions, flatten, read_file
from kg.config.options import DataConfig
from kg.config.recipe import Recipe
from kg.config.stores import open_named, rename_stores
from kg.config.teaching import taught_by
from kg.data.store import SplitBy, Store
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint
from kg.train.runs import name_of, read_config


@dataclass(frozen=True)
class Basis:
    """What a new training begins with, before options of its own.

    Attributes:
        preset: Its name.
        own: What it says besides.
        data: The stores of the training that it follows; None where stores have to be named.
        whose: Whose stores these are, for the message where one is not here.
    """

    preset: str = "kg"
    own: FileOptions = field(default_factory=FileOptions)
    data: DataConfig | None = None
    whose: str = ""

    @classmethod
    def of(
        cls,
        preset: str | None = None,
        *,
        file: Path | None = None,
        like: Path | None = None,
        teacher: Path | None = None,
        init: Path | None = None,
    ) -> "Basis":
        """Return what is named: a preset, a file, a run or a checkpoint; one alone, or a preset beside.

        Args:
            preset: A name in `kg.config.PRESETS`. Default: that of the others, else "kg". With `like` and
                `init` there is none to choose.
            file: Options as .json or .toml, see `kg.config.file.read_file`.
            like: A run folder, for all its options and its stores.
            teacher: A checkpoint file, whose keypoints are learnt on the stores that it was trained on.
            init: A checkpoint file, to begin with its weights and its options, but for the precision: what
                was fast where those weights were trained may be many times slower here.

        Raises:
            KgError: Two of them exclude each other, or one cannot be read.
        """
        sources = {"init": init, "teacher": teacher, "like": like, "config": file, "preset": preset}
        names = [name for name, source in sources.items() if source is not None]
        if len(names) > 1 and names not in (["config", "preset"], ["teacher", "preset"]):
            raise KgError(f"--{names[0]} says all that --{names[1]} could.", "Leave one of them out.")
        own, data, whose = FileOptions(), None, ""
        if init is not None:
            own = flatten(_read_options(init).to_dict())
            options = {name: text for name, text in own.options.items() if name != "precision"}
            own = replace(own, options={**options, "init": str(init.resolve())})
        elif teacher is not None:
            config = _read_options(teacher)
            own, data, whose = taught_by(config), config.data, "the teacher's training"
            own = replace(own, options={**own.options, "teacher": str(teacher.resolve())})
        elif like is not None:
            config = read_config(like)
            own, data, whose = flatten(config.to_dict()), config.data, "the training"
        elif file is not None:
            own = read_file(file)
        return cls(preset or own.preset or "kg", own, data, whose)

    def open_stores(self) -> list[Store]:
        """Return the stores of the training that it follows; none where they have to be named.

        Raises:
            KgError: One of them is not here any more.
        """
        return [] if self.data is None else open_named(self.data, self.whose)

    def configure(
        self,
        stores: Sequence[Store],
        options: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
        split_by: SplitBy | None = None,
    ) -> Config:
        """Return the configuration of a training on some stores, at least one.

        Args:
            stores: What to train on.
            options: Texts by name, as `kg train --set` takes them, which stand before the basis's.
            without: Parts of the method to leave out, names in `kg.config.ABLATIONS`.
            split_by: How the stores are split. Default: as the basis says, else by object.

        Raises:
            KgError: A name is unknown, or an option cannot be what it says.
        """
        split_by = split_by or self.own.split_by or "object"
        recipe = Recipe(self.preset, self.own.with_options(options or {}), tuple(without), split_by)
        return recipe.configure(*stores)


def resumed_config(run: Path, stores: Sequence[Store] = (), epochs: int | str | None = None) -> Config:
    """Return the configuration of a run that goes on; nothing else of it can change.

    Args:
        run: The run folder.
        stores: Those of its stores that lie somewhere else now.
        epochs: When it ends. Default: as before.

    Raises:
        KgError: The run cannot be read, a store is none of its own, or epochs are no number.
    """
    config = read_config(run)
    if stores:
        config = replace(config, data=rename_stores(config.data, stores, f"the run {name_of(run)}"))
    return config if epochs is None else config.override("epochs", str(epochs))


def _read_options(checkpoint: Path) -> Config:
    return load_checkpoint(checkpoint, torch.device("cpu")).config
