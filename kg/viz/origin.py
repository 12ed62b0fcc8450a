"""What the store that shapes come from knows of them."""

from kg.data.store import Store


def up_of(store: Store | None) -> str:
    """Return the axis that is up in a store: z where its shapes are simulated, y elsewhere and if unknown."""
    return "z" if store and store.provenance.get("options", {}).get("deform") else "y"
