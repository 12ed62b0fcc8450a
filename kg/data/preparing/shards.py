"""A preparation cut into pieces that know nothing of each other, as the tasks of a Slurm array."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kg.data.dataset import Item
from kg.errors import KgError


@dataclass(frozen=True)
class Shard:
    """One piece of several, counted from 1: `3/16` is the third of sixteen."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def numbers(self, items: Sequence[Item], by_object: bool) -> range:
        """Return the shapes of this piece; all pieces together have each shape once.

        Args:
            items: Every shape to be, in order.
            by_object: The shapes of an object that follow each other stay together.
        """
        return range(*(_cut(place, self.count, items, by_object) for place in (self.number - 1, self.number)))


def _cut(place: int, count: int, items: Sequence[Item], by_object: bool) -> int:
    """Return where the pieces before a place end."""
    end = len(items) * place // count
    while by_object and 0 < end < len(items) and items[end].object == items[end - 1].object:
        end += 1
    return end


def read_shard(text: str) -> Shard:
    """Return the piece that a user means.

    Raises:
        KgError: It is not written as 3/16, or there is no such piece.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None:
        raise KgError(f"'{text}' is no shard.", "The third of sixteen is --shard 3/16.")
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.number <= shard.count:
        raise KgError(
            f"There is no shard {text}.",
            f"Shards are counted from 1: 1/{shard.count} to {shard.count}/{shard.count}.",
        )
    return shard


def lacking(missing: Sequence[range], count: int, items: Sequence[Item], by_object: bool) -> list[Shard]:
    """Return the pieces, of so many, to which missing shapes belong."""
    shards = (Shard(number, count) for number in range(1, count + 1))
    spans = ((shard, shard.numbers(items, by_object)) for shard in shards)
    return [
        shard
        for shard, span in spans
        if any(gap.start < span.stop and span.start < gap.stop for gap in missing)
    ]
