"""What `kg prepare` shows when stores, or pieces of them, are made."""

from typing import TYPE_CHECKING, Any

from kg.cli.output import complain, note, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data import Dataset
    from kg.data.preparing.prepare import Prepared, Sharded

MAX_LISTED = 10
"""Shapes that are named on the terminal; JSON and the store have all of them."""


def describe(prepared: "Prepared", picture: str | None) -> dict[str, Any]:
    """Return what there is to say of a store, for JSON."""
    from kg.data.split import SPLITS

    store = prepared.store
    splits = store.splits()
    return {
        "category": store.category,
        "variant": store.variant,
        "made": prepared.made,
        "objects": len(set(store.read_column("objects"))),
        "shapes": store.count,
        **{split: int((splits == number).sum()) for number, split in enumerate(SPLITS)},
        "points": store.points_per_cloud,
        "landmarks": store.has_landmarks,
        "landmark_count": store.landmark_count,
        "rest_positions": store.has_rest_positions,
        "unit": store.unit,
        "file": str(store.path),
        "bytes": store.size,
        "skipped": [{"id": name, "reason": reason} for name, reason in prepared.skipped],
        "notes": [{"id": name, "reason": note} for name, note in prepared.notes],
        "picture": picture,
    }


def draw(prepared: "Prepared", *, anew: bool) -> str | None:
    """Return the path of the picture beside a store, drawn now if need be; None if there is none."""
    from kg import paths

    store = prepared.store.path
    path = store.with_name(f"{paths.variant_of(store)}.png")
    if prepared.made:
        path.unlink(missing_ok=True)
    if anew and not path.is_file():
        from kg.viz import draw_store

        try:
            draw_store(prepared.store, path)
        except Exception as error:  # whatever a graphics library raises: the store is made
            note(f"No picture of {prepared.store.category}: {error}", "warning")
    return str(path) if path.is_file() else None


def report(
    dataset: "Dataset", stores: list[dict[str, Any]], failed: dict[str, KgError], as_json: bool
) -> None:
    """Show the stores, as `describe` returns them, and why others failed."""
    for store in stores:
        if not store["made"]:
            note(f"{store['category']} was prepared before, with the same options.")
        _list_told(store["category"], store["skipped"], "left out")
        _list_told(store["category"], store["notes"], "read in part")
    for category, error in failed.items():
        complain(f"{category}: {error.message}", error.hint)
    columns = [
        "category",
        "variant",
        "objects",
        "shapes",
        "train/val/test",
        "points",
        "landmarks",
        "at rest",
    ]
    rows = [
        [
            store["category"],
            store["variant"],
            store["objects"],
            store["shapes"],
            "/".join(str(store[split]) for split in ("train", "val", "test")),
            store["points"],
            store["landmark_count"],
            "yes" if store["rest_positions"] else "no",
        ]
        for store in stores
    ]
    show(
        {
            "dataset": dataset.name,
            "stores": stores,
            "failed": {category: error.message for category, error in failed.items()},
        },
        as_json,
        *([table(f"Prepared {dataset.name}", columns, rows)] if rows else []),
        *(file for store in stores for file in (store["file"], store["picture"]) if file),
        *([_next(stores[0])] if stores else []),
    )


def _next(store: dict[str, Any]) -> str:
    """Return the command that trains on a store."""
    from kg import paths

    several = sum(path.parts[-2] == store["category"] for path in paths.stores()) > 1
    return f"Next: kg train --category {store['category']}" + (
        f" --variant {store['variant']}" if several else ""
    )


def _list_told(category: str, items: list[dict[str, str]], what: str) -> None:
    if not items:
        return
    shapes = "1 shape was" if len(items) == 1 else f"{len(items)} shapes were"
    note(f"{category}: {shapes} {what}:", "warning")
    for item in items[:MAX_LISTED]:
        note(f"  {item['id']}: {item['reason']}")
    if len(items) > MAX_LISTED:
        note(f"  and {len(items) - MAX_LISTED} more; --json lists all")


def report_shards(
    dataset: "Dataset", made: "dict[str, Sharded]", failed: dict[str, KgError], as_json: bool
) -> None:
    """Show what was made of each category, and why others failed."""
    for category, error in failed.items():
        complain(f"{category}: {error.message}", error.hint)
    entries: list[dict[str, Any]] = [
        {
            "category": category,
            "shard": str(done.shard),
            "shapes": done.shapes,
            "total": done.total,
            "left_out": [{"id": name, "reason": reason} for name, reason in done.skipped],
            "merged": done.done,
        }
        for category, done in made.items()
    ]
    rows = [
        [entry["category"], entry["shard"], f"{entry['shapes']} of {entry['total']}", len(entry["left_out"])]
        for entry in entries
    ]
    for category, done in made.items():
        if done.done:
            note(f"{category} was prepared before, with the same options.")
        for name, reason in done.skipped if not done.done else ():
            note(f"{category}: left out {name}: {reason}", "warning")
    show(
        {"dataset": dataset.name, "shards": entries},
        as_json,
        table(f"Shards of {dataset.name}", ["category", "shard", "shapes", "left out"], rows),
        "When all shards are made: the same command with --merge in the place of --shard",
    )
