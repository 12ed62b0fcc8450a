"""The stores of a training: as its configuration names them, and opened wherever they lie now."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kg.config.options import DataConfig
from kg.data.find import Wanted, find_again, label, not_same
from kg.data.store import SplitBy, Store
from kg.errors import KgError


def name_stores(stores: Sequence[Store], split_by: SplitBy) -> DataConfig:
    """Return what a configuration says of the stores of a training, at least one."""
    first, *others = stores
    return DataConfig(
        store=str(first.path.resolve()),
        checksum=first.checksum,
        others={str(store.path.resolve()): store.checksum for store in others},
        split_by=split_by,
    )


def open_named(data: DataConfig, since: str) -> list[Store]:
    """Return the stores of a training, in its order.

    Args:
        data: What it says of them.
        since: What was made from them, for the message: "the training".

    Raises:
        KgError: One is neither where it was nor below `KG_HOME`.
    """
    return [find_again(Path(path), checksum, since) for path, checksum in data.checksums.items()]


def choose_store(data: DataConfig, asked: Wanted) -> Store:
    """Return the one store of a training that fits what the user said.

    Raises:
        KgError: The training names none, several fit or none does, or it is not here any more.
    """
    if not data.store:
        raise KgError(
            "This checkpoint does not say what it was trained on.", "Name a store with --store, or files."
        )
    named = data.checksums
    fitting = [path for path in named if asked.matches(Path(path))]
    if len(fitting) != 1:
        names = ", ".join(label(Path(path)) for path in fitting or named)
        raise KgError(
            f"{len(fitting) or 'None'} of the stores that this detector was trained on fit"
            f"{'' if fitting else 's'}: {names}.",
            "Choose with --category and --variant, or name any store with --store.",
        )
    return find_again(Path(fitting[0]), named[fitting[0]], "the training")


def rename_stores(data: DataConfig, stores: Sequence[Store], what: str) -> DataConfig:
    """Return what a configuration says of its stores, some of which the user names by new paths.

    Args:
        data: What it says of them.
        stores: Where they lie now, those that the user named.
        what: What was made from them, for the message: "the run shirts".

    Raises:
        KgError: One is none of them, by its checksum.
    """
    paths = {checksum: path for path, checksum in data.checksums.items()}
    for store in stores:
        if store.checksum not in paths:
            raise not_same(store, what)
        paths[store.checksum] = str(store.path.resolve())
    (checksum, path), *others = paths.items()
    return replace(data, store=path, checksum=checksum, others={there: known for known, there in others})
