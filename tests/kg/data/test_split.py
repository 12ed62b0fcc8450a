from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.data import Item
from kg.data.split import split_by_frame, split_by_object


def sequence(objects: int, frames: int) -> list[Item]:
    return [Item(f"{o}/{f}", object=f"o{o}", frame=f) for o in range(objects) for f in range(frames)]


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_no_object_is_on_two_sides(objects: int, frames: int, seed: int) -> None:
    items = sequence(objects, frames)
    splits = split_by_object(items, seed)
    sides: dict[str, set[str]] = {}
    for item, split in zip(items, splits, strict=True):
        sides.setdefault(item.object, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (100, {"train": 70, "val": 10, "test": 20}),
        (10, {"train": 7, "val": 1, "test": 2}),
        (3, {"train": 1, "val": 1, "test": 1}),
        (2, {"train": 1, "val": 1}),
        (1, {"train": 1}),
    ],
)
def test_shares(objects: int, expected: dict[str, int]) -> None:
    assert Counter(split_by_object(sequence(objects, 1), 0)) == expected
    assert Counter(split_by_frame(sequence(objects, 1), 0)) == expected


def test_the_seed_decides_and_the_order_of_items_does_not() -> None:
    items = sequence(30, 1)
    first = dict(zip(items, split_by_object(items, 3), strict=True))
    again = dict(zip(items[::-1], split_by_object(items[::-1], 3), strict=True))
    assert first == again
    assert first != dict(zip(items, split_by_object(items, 4), strict=True))


def test_by_frame_divides_an_object() -> None:
    assert Counter(split_by_frame(sequence(1, 10), 0)) == {"train": 7, "val": 1, "test": 2}


def test_a_published_split_stands() -> None:
    own = ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    items = [Item(str(n), object=str(n), split=split) for n, split in enumerate(own)]  # type: ignore[arg-type]
    assert split_by_object(items, 0) == own


def test_what_a_published_split_lacks_comes_from_its_training_part() -> None:
    own = ["train"] * 40 + ["test"] * 10
    items = [Item(str(n), object=str(n), split=split) for n, split in enumerate(own)]  # type: ignore[arg-type]
    splits = split_by_object(items, 0)
    assert Counter(splits) == {"train": 35, "val": 5, "test": 10}
    assert splits[40:] == ["test"] * 10


def test_shapes_outside_a_full_published_split_train() -> None:
    items = [Item("a", "a", split="train"), Item("b", "b", split="val"), Item("c", "c", split="test")]
    assert split_by_object([*items, Item("d", "d")], 0)[3] == "train"
