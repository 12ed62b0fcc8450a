"""Which cloud is for training, which for choosing, which for the final test."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from kg.data.dataset import Item, Split

SPLITS: tuple[Split, ...] = get_args(Split)
FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


def _deal(names: Sequence[str], shares: dict[Split, float], rng: np.random.Generator) -> dict[str, Split]:
    """Deal names to splits by shares; each split gets at least one while there are enough."""
    shuffled = [names[i] for i in rng.permutation(len(names))]
    total = sum(shares.values())
    # Small splits first, so that a handful of objects leaves one for each of them.
    dealt: dict[str, Split] = {}
    for split in sorted(shares, key=lambda name: shares[name])[:-1]:
        count = max(1, round(len(names) * shares[split] / total))
        for name in shuffled[len(dealt) : len(dealt) + min(count, max(0, len(names) - len(dealt) - 1))]:
            dealt[name] = split
    largest = max(shares, key=lambda name: shares[name])
    return {name: dealt.get(name, largest) for name in names}


def split_by_object(items: Sequence[Item], seed: int, to: Split | None = None) -> list[Split]:
    """Return the split of every item, by its object's identity.

    The data set's own split stands where it has one. What it lacks is drawn from its training
    objects, never from its test: a published split without validation gets one, and a data set
    without any split is dealt 70 / 10 / 20.

    Args:
        items: All of a store.
        seed: Of the draw.
        to: The split of all objects that would be dealt, instead of a draw.
    """
    rng = np.random.default_rng([seed, 0])
    own, shares = _own(items)
    free = sorted(name for name, split in own.items() if split in (None, "train"))
    dealt = dict.fromkeys(free, to) if to else _deal(free, shares, rng)
    return [dealt.get(item.object) or own[item.object] or "train" for item in items]


def _own(items: Sequence[Item]) -> tuple[dict[str, Split | None], dict[Split, float]]:
    """Return the data set's own split of each object, and the shares that others are dealt to."""
    own: dict[str, Split | None] = {}
    for item in items:
        own.setdefault(item.object, item.split)
    present = {split for split in own.values() if split is not None}
    return own, {split: FRACTIONS[split] for split in SPLITS if split == "train" or split not in present}


def joining_by_object(
    joining: Sequence[Item],
    listed: Sequence[Item],
    known: Mapping[str, Split],
    seed: int,
    to: Split | None = None,
) -> list[Split]:
    """Return the split of every item that joins a store, by its object's identity.

    New frames of an object go where it is. A new object is dealt as in `split_by_object`, but by its name
    alone, so that it does not matter which others join with it.

    Args:
        joining: The items.
        listed: All items of the data set.
        known: Splits of the objects that the store has.
        seed: Of the draw.
        to: The split of all new objects, instead of a draw.
    """
    own, shares = _own(listed)

    def of(item: Item) -> Split:
        if item.object in known:
            return known[item.object]
        split = own[item.object]
        return split if split not in (None, "train") else to or _drawn(item.object, shares, seed)

    return [of(item) for item in joining]


def joining_by_frame(joining: Sequence[Item], seed: int) -> list[Split]:
    """Return the split of every item that joins a store, each drawn by its id (see `split_by_frame`)."""
    shares = {split: FRACTIONS[split] for split in SPLITS}
    return [_drawn(item.id, shares, seed) for item in joining]


def _drawn(name: str, shares: Mapping[Split, float], seed: int) -> Split:
    """Return a split drawn by a name alone."""
    # No byte is 258: the stream is no other's.
    place = np.random.default_rng([seed, *name.encode(), 258]).random() * sum(shares.values())
    for split, share in shares.items():
        place -= share
        if place < 0:
            return split
    return "train"


def split_by_frame(items: Sequence[Item], seed: int) -> list[Split]:
    """Return the split of every item with no regard to its object.

    That is Key-Grid's own split for garments, whose test frames come from the sequence it trained on.
    """
    rng = np.random.default_rng([seed, 1])
    names = [item.id for item in items]
    dealt = _deal(sorted(names), {split: FRACTIONS[split] for split in SPLITS}, rng)
    return [dealt[name] for name in names]
