"""The stores of a training: as its configuration names them, and opened wherever they lie now."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kg import paths
from kg.config.options import DataConfig
from kg.data.find import StoreQuery, find_by_checksum, labels, not_same
from kg.data.store import SplitBy, Store
from kg.errors import KgError


def name_stores(stores: Sequence[Store], split_by: SplitBy) -> DataConfig:
    """Return what a configuration says of the stores of a training, at least one."""
    first, *others = stores
    return DataConfig(
        store=first.place,
        checksum=first.checksum,
        others={store.place: store.checksum for store in others},
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
    return [find_by_checksum(Path(path), checksum, since) for path, checksum in data.checksums.items()]


def choose_store(data: DataConfig, query: StoreQuery) -> Store:
    """Return the one store that fits what the user said: of a training, else of all that are prepared.

    Raises:
        KgError: Several fit or none does, or it is not here any more.
    """
    checksums = data.checksums if data.store else {}
    fitting = [path for path in checksums if query.matches(Path(path))]
    if len(fitting) == 1:
        return find_by_checksum(Path(fitting[0]), checksums[fitting[0]], "the training")
    if fitting:
        raise KgError(
            f"{len(fitting)} of the stores that this detector was trained on fit: {labels(fitting)}.",
            "Choose with --category and --variant, or name any store with --store.",
        )
    if query == StoreQuery():
        raise KgError(
            "This checkpoint does not say what it was trained on.",
            "Name a prepared store with --category and --variant or with --store, or files.",
        )
    prepared = [path for path in paths.stores() if query.matches(path)]
    if len(prepared) != 1:
        trained = f" It was trained on {labels(checksums)}." if checksums else ""
        names = f": {labels(prepared)}" if prepared else ""
        raise KgError(
            f"{len(prepared) or 'None'} of the prepared stores fit{'' if prepared else 's'}{names}.{trained}",
            "Choose with --category and --variant, or name any store with --store. They are: kg list stores",
        )
    return Store(prepared[0])


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
        paths[store.checksum] = store.place
    (checksum, path), *others = paths.items()
    return replace(data, store=path, checksum=checksum, others={there: known for known, there in others})
