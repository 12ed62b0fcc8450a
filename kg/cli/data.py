"""The data that a command works on."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from kg.cli.output import note, progress

if TYPE_CHECKING:
    from kg.data import Dataset, Store


def open_store(
    path: Path | None,
    category: str | None,
    dataset: str | None,
    variant: str | None,
    preset: str = "kg",
) -> "Store":
    """Return the store at a path, or the one that fits what the user said, made if it is of built-in shapes.

    A store that is made has clouds normalised as the preset's detectors want them.

    Raises:
        KgError: There is none, or several fit, or the preset is unknown.
    """
    from kg.config import preset as configured
    from kg.data import Store
    from kg.data.find import StoreQuery, find_store
    from kg.data.normalise import normalisation_for
    from kg.devices import threads

    if path is not None:
        return Store(path)

    def announce(dataset: "Dataset") -> None:
        note(f"Nothing prepared for '{category}': making it from the built-in {dataset.name}.")

    with progress(f"Preparing {category or ''}") as advance:
        return find_store(
            StoreQuery(category, dataset, variant),
            workers=threads(),
            normalisation=normalisation_for(configured(preset).model.normalisation),
            on_prepare=announce,
            progress=advance,
        )


def open_stores(
    store_paths: Sequence[Path] | None,
    categories: Sequence[str],
    dataset: str | None,
    variants: Sequence[str],
    *,
    preset: str = "kg",
    dry_run: bool = False,
) -> "list[Store]":
    """Return the stores at paths and those of each category in each variant, each once.

    Args:
        store_paths: Paths.
        categories: Of the others; with no path, none means the only one that is prepared.
        dataset: That all are of, if anybody said so.
        variants: Of each category; none for the only one there is.
        preset: For which one is made, see `open_store`.
        dry_run: Make none; what would have to be made is left out with a note.

    Raises:
        KgError: There is none of a name, or several fit.
    """
    from kg import paths
    from kg.data.find import StoreQuery

    stores = [open_store(path, None, None, None) for path in store_paths or []]
    kinds: list[str | None] = [*categories]
    named: list[str | None] = [*variants]
    for category, variant in product(kinds or [None] * (not stores), named or [None]):
        if dry_run and not any(map(StoreQuery(category, dataset, variant).matches, paths.stores())):
            note(f"'{category}' is not prepared yet: it would be, and is not in this list.")
            continue
        stores.append(open_store(None, category, dataset, variant, preset))
    return list({store.place: store for store in stores}.values())
