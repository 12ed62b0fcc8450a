"""The data that a command works on."""

from pathlib import Path
from typing import TYPE_CHECKING

from kg.cli.output import note, progress

if TYPE_CHECKING:
    from kg.data import Dataset, Store


def open_store(path: Path | None, category: str | None, dataset: str | None, variant: str | None) -> "Store":
    """Return the store at a path, or the one that fits what the user said, made if it is of built-in shapes.

    Raises:
        KgError: There is none, or several fit.
    """
    from kg.data import Store
    from kg.data.find import Wanted, find_store
    from kg.devices import threads

    if path is not None:
        return Store(path)

    def announce(chosen: "Dataset") -> None:
        note(f"Nothing prepared for '{category}': making it from the built-in {chosen.name}.")

    with progress(f"Preparing {category or ''}") as advance:
        return find_store(
            Wanted(category, dataset, variant), workers=threads(), on_prepare=announce, progress=advance
        )
