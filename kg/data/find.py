"""Finding a prepared store by what the user said or by its checksum, and making one of built-in shapes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kg import paths, plugins
from kg.data.dataset import Dataset, PrepareOptions
from kg.data.normalise import Kind
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.data.remote import url_of
from kg.data.store import Store, read_checksum
from kg.errors import KgError, unknown_name

NAMED = 8
"""Stores that a message names at most."""


@dataclass(frozen=True)
class StoreQuery:
    """What the user said of the data; None where they said nothing."""

    category: str | None = None
    dataset: str | None = None
    variant: str | None = None

    def matches(self, path: Path) -> bool:
        """Tell whether a store's path, .../dataset/category/variant.h5, fits."""
        dataset, category, variant = path.parts[-3], path.parts[-2], paths.variant_of(path)
        return all(
            queried in (None, own)
            for queried, own in ((self.category, category), (self.dataset, dataset), (self.variant, variant))
        )


def find_store(
    query: StoreQuery,
    *,
    workers: int = 1,
    normalisation: Kind = "longest-side",
    on_prepare: Callable[[Dataset], None] = lambda dataset: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Store:
    """Return the one prepared store that fits, made first if a built-in data set has the category.

    Args:
        query: What the user said.
        workers: Processes that make one (see `kg.data.preparing.prepare.prepare`).
        normalisation: Of the clouds of one that is made.
        on_prepare: Called before a store is made.
        progress: Called with (done, total) shapes while it is made.

    Raises:
        KgError: Several stores fit, or none does and none can be made.
    """
    known = paths.stores()
    fitting = [path for path in known if query.matches(path)]
    if len(fitting) == 1:
        return Store(fitting[0])
    if fitting:
        raise KgError(
            f"{len(fitting)} prepared stores fit: {labels(fitting)}.",
            "Choose with --category, --dataset, --variant. They are: kg list stores",
        )
    builtins = _builtins(query)
    if query.category is None:
        raise KgError("Nothing is prepared yet.", "Name a built-in category: kg train --category shirt")
    for dataset in builtins:
        if query.category in dataset.categories and query.variant in (None, dataset.variant):
            on_prepare(dataset)
            raw = paths.raw(dataset.name)
            options = PrepareOptions(normalisation=normalisation)
            plan = make_plan(dataset, query.category, raw, options)
            return prepare(plan, workers=workers, progress=progress).store
    categories = {path.parts[-2] for path in known} | {
        name for dataset in builtins for name in dataset.categories
    }
    if query.category in categories:
        raise KgError(
            f"No prepared store of '{query.category}' fits the --dataset and --variant given.",
            "See what is there: kg info",
        )
    raise unknown_name("prepared or built-in category", query.category, categories)


def find_by_checksum(path: Path, checksum: str, since: str) -> Store:
    """Return the store that something was made from, wherever it lies now.

    A store whose path has changed, because the data folder was moved or a run comes from another machine,
    is found below `KG_HOME` by the checksum of its points, which it says without reading them.

    Args:
        path: Where it was.
        checksum: What it was.
        since: What was made from it, for the message: "the training", "the prediction".

    Raises:
        KgError: It is neither there nor below `KG_HOME`.
    """
    # One of the same name before a copy under another one, which may be split otherwise.
    known = sorted(paths.stores(), key=lambda store: store.parts[-3:] != path.parts[-3:])
    for candidate in (path, *known):
        if read_checksum(candidate) == checksum:
            return Store(candidate)
    url = url_of(path)
    if url:
        Store(path)  # says what is wrong, if it is not there
    if url or path.exists():
        raise KgError(
            f"{url or path} has changed since {since}, and no store in {paths.home()} has its checksum.",
            "Name the store that it was, --store, or prepare that again.",
        )
    raise KgError(
        f"There is no prepared store at {path}, nor one with its checksum in {paths.home()}.",
        "Name it with --store, or its data folder: KG_HOME.",
    )


def label(path: Path) -> str:
    """Return what people call a store, by its path: data set, category and variant."""
    return "/".join((*path.parts[-3:-1], paths.variant_of(path)))


def labels(stores: Iterable[Path | str]) -> str:
    """Return what people call stores, by their paths: the first `NAMED`, and how many there are besides."""
    names = [label(Path(path)) for path in stores]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def check_same(store: Store, checksum: str, what: str) -> Store:
    """Return a store that the user named, if it is the one that something was made from.

    Raises:
        KgError: It has another checksum.
    """
    if store.checksum != checksum:
        raise not_same(store, what)
    return store


def not_same(store: Store, what: str) -> KgError:
    """Return the error of a store that is named in the place of another."""
    return KgError(
        f"{store.path} is not the store of {what}: its points have another checksum.",
        "Leave --store out to have it found by its checksum.",
    )


def _builtins(query: StoreQuery) -> list[Dataset]:
    kinds = plugins.DATASETS.working()
    if query.dataset is not None and query.dataset not in kinds:
        raise unknown_name("data set", query.dataset, kinds)
    made = [kind() for name, kind in kinds.items() if query.dataset in (None, name)]
    return [dataset for dataset in made if dataset.builtin]
