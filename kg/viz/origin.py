"""What the store that shapes come from knows of them."""

from pathlib import Path

from kg.data.find import find_again
from kg.data.store import Store
from kg.errors import KgError
from kg.inference.predictions import Predictions


def store_of(predictions: Predictions) -> Store | None:
    """Return the store of predictions; None if they have none, or it is nowhere to be found."""
    named = predictions.meta.get("store")
    if not named:
        return None
    try:
        return find_again(Path(named["path"]), named["checksum"], "the prediction")
    except KgError:
        return None


def up_of(store: Store | None) -> str:
    """Return the axis that is up in a store: z where its shapes are simulated, y elsewhere and if unknown."""
    return "z" if store and store.provenance.get("options", {}).get("deform") else "y"
