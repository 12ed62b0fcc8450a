"""From a data set's shapes to a prepared store."""

import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import kg
from kg import paths
from kg.data.dataset import Dataset, Item, PrepareOptions
from kg.data.normalise import normalise
from kg.data.sample import sample_shape
from kg.data.shape import Shape
from kg.data.split import split_by_frame, split_by_object
from kg.data.store import Clouds, Store, write_store
from kg.errors import KgError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        store: The store, made now or found.
        made: False if the store was there already, made with the same options.
        skipped: What was left out, as (id, reason).
    """

    store: Store
    made: bool
    skipped: list[tuple[str, str]]


def prepare(
    dataset: Dataset,
    category: str,
    raw: Path,
    options: PrepareOptions,
    *,
    variant: str | None = None,
    force: bool = False,
    strict: bool = False,
    progress: Progress = lambda done, total: None,
) -> Prepared:
    """Make the store of a category, unless one made with the same options is there.

    Every shape draws from its own random stream, (seed, number of the item), so that a shape comes
    out the same whatever happens to the others.

    Args:
        dataset: Where the shapes come from.
        category: One of its categories.
        raw: Its raw folder (of no matter to a built-in data set).
        options: Points, objects, seed.
        variant: Name of the store; the data set's own by default.
        force: Replace a store that was made with other options.
        strict: Stop at the first broken shape instead of leaving it out.
        progress: Called with (done, total) after each shape.

    Raises:
        KgError: Nothing can be prepared, a store with other options is there, or a shape is broken
            and `strict` is set.
    """
    variant = variant or dataset.variant
    path = paths.store(dataset.name, category, variant)
    chosen = {**asdict(options), "raw": "" if dataset.builtin else str(raw.resolve())}
    if path.exists() and not force:
        store = Store(path)
        if store.provenance.get("options") == chosen:
            skipped = [(name, reason) for name, reason in store.provenance["skipped"]]
            return Prepared(store, made=False, skipped=skipped)
        raise KgError(
            f"{store.name} was prepared with other options ({_difference(store, chosen)}).",
            "Replace it with --force, or keep both with --variant NAME.",
        )

    items = _chosen(dataset.items(category, raw, options), options)
    if not items:
        raise KgError(
            f"{dataset.name} has no shapes of the category '{category}' in {raw}.",
            f"Known: {', '.join(dataset.find_categories(raw)) or 'none'}.",
        )
    name, times = Counter(item.id for item in items).most_common(1)[0]
    if times > 1:
        raise KgError(f"The id '{name}' names {times} shapes; ids must be unique.")

    kept: list[Item] = []
    rows: list[_Row] = []
    skipped = []
    for number, item in enumerate(items):
        try:
            shape = dataset.load(item)
            rows.append(_row(shape, options.points, np.random.default_rng([options.seed, number])))
            kept.append(item)
        except KgError as error:
            if strict:
                raise KgError(f"{item.id}: {error.message}", error.hint) from error
            skipped.append((item.id, f"{error.message} {error.hint}".strip()))
        progress(number + 1, len(items))
    if not rows:
        raise KgError(f"None of the {len(items)} shapes could be read; the first: {skipped[0][1]}")

    write_store(
        path,
        _stack(kept, rows),
        {
            "object": split_by_object(kept, options.seed),
            "frame": split_by_frame(kept, options.seed),
        },
        dataset=dataset.name,
        category=category,
        variant=variant,
        unit=dataset.unit,
        landmark_names=dataset.landmark_names(category),
        kin=[item.kin or item.object for item in kept],
        provenance={
            "source": dataset.url or dataset.title,
            "licence": dataset.licence,
            "command": " ".join(["kg", *sys.argv[1:]]),
            "options": chosen,
            "skipped": skipped,
            "versions": {
                "kg": kg.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        },
    )
    return Prepared(Store(path), made=True, skipped=skipped)


def _chosen(items: Sequence[Item], options: PrepareOptions) -> list[Item]:
    """Return the items of as many objects as were asked for, drawn at random, in their order."""
    names = sorted({item.object for item in items})
    if options.objects is None or len(names) <= options.objects:
        return list(items)
    drawn = np.random.default_rng([options.seed, len(names)]).permutation(len(names))[: options.objects]
    kept = {names[number] for number in drawn}
    return [item for item in items if item.object in kept]


def _difference(store: Store, chosen: dict[str, object]) -> str:
    before = store.provenance.get("options", {})
    return ", ".join(f"{key} {before.get(key)}" for key in chosen if before.get(key) != chosen[key])


@dataclass(frozen=True, eq=False)
class _Row:
    shape: Shape
    points: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    material: np.ndarray[tuple[int, int], np.dtype[np.float32]] | None
    scale: float
    offset: float
    landmarks: np.ndarray[tuple[int, int], np.dtype[np.float32]]


def _row(shape: Shape, count: int, rng: np.random.Generator) -> _Row:
    points, material = sample_shape(shape, count, rng)
    frame = normalise(points)
    return _Row(
        shape=shape,
        points=frame.to_normalised(points),
        material=None if material is None else material.astype(np.float32),
        scale=frame.scale,
        offset=frame.offset,
        landmarks=frame.to_normalised(shape.landmarks),
    )


def _stack(items: Sequence[Item], rows: Sequence[_Row]) -> Clouds:
    most = max(len(row.landmarks) for row in rows)
    landmarks = np.full((len(rows), most, 3), np.nan, dtype=np.float32)
    landmark_ids = np.full((len(rows), most), -1, dtype=np.int32)
    for number, row in enumerate(rows):
        landmarks[number, : len(row.landmarks)] = row.landmarks
        landmark_ids[number, : len(row.landmarks)] = row.shape.landmark_ids
    materials = [row.material for row in rows if row.material is not None]
    return Clouds(
        ids=[item.id for item in items],
        objects=[item.object for item in items],
        frame=np.array([item.frame for item in items], dtype=np.int32),
        points=np.stack([row.points for row in rows]),
        scale=np.array([row.scale for row in rows]),
        offset=np.array([row.offset for row in rows]),
        landmarks=landmarks if most else None,
        landmark_ids=landmark_ids if most else None,
        # All or none: a store with gaps in its ground truth would be scored on what happens to be there.
        material=np.stack(materials) if len(materials) == len(rows) else None,
    )
