"""Stores grow: what is new joins, what was there stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from kg import paths
from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.data.dataset import Split
from kg.data.preparing.append import append
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import Interrupted, Prepared, prepare
from kg.data.split import joining_by_object
from kg.data.store import Store
from kg.errors import KgError

OPTIONS = PrepareOptions(points=32)


@dataclass
class Growing(Dataset):
    """Tetrahedra in the order of their names, two frames an object."""

    name = "growing"
    title = "Growing"
    licence = "None"
    names: Sequence[str] = tuple("bdfh")
    landmarks: int = 2
    rest: bool = True
    torn: set[str] = field(default_factory=set)
    stop_at: str = ""
    objects: dict[str, str] = field(default_factory=dict)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        return [
            Item(f"{name}{frame}", self.objects.get(name, name), frame, source=(name, frame))
            for name in sorted(self.names)
            for frame in range(2)
        ]

    def load(self, item: Item) -> Shape:
        if item.id == self.stop_at:
            raise KeyboardInterrupt
        if item.id in self.torn:
            raise KgError("torn")
        name, frame = item.source
        vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1 + frame, 0], [0, 0, 1 + ord(name) / 100]])
        faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        places = vertices[: self.landmarks]
        return Shape(vertices, faces, places, np.arange(len(places)), vertices if self.rest else None)


def make(dataset: Dataset, options: PrepareOptions = OPTIONS, *, grow: bool = True) -> Prepared:
    return (append if grow else prepare)(make_plan(dataset, "c", Path("raw"), options))


def rows(store: Store) -> dict[str, tuple[bytes, ...]]:
    """Return everything of each row by its id, but for landmarks that are missing."""
    clouds, splits, frames = store.read(), store.splits(), store.splits("frame")
    assert clouds.landmarks is not None
    assert clouds.rest_positions is not None
    return {
        name: (
            clouds.objects[row].encode(),
            clouds.points[row].tobytes(),
            clouds.rest_positions[row].tobytes(),
            clouds.scale[row].tobytes() + clouds.offset[row].tobytes(),
            clouds.landmarks[row, :2].tobytes(),
            bytes([splits[row], frames[row]]),
        )
        for row, name in enumerate(clouds.ids)
    }


def test_old_rows_stay_and_new_ones_do_not_depend_on_when_they_join() -> None:
    before = rows(make(Growing()).store)
    steps = [make(Growing(tuple(names))) for names in ("bdfha", "bdfhac")]
    grown = rows(steps[-1].store)
    assert [*grown][:8] == [*before]
    assert [*grown][8:] == ["a0", "a1", "c0", "c1"]
    assert {name: grown[name] for name in before} == before
    assert {name: grown[name] for name in rows(steps[0].store)} == rows(steps[0].store)
    paths.store("growing", "c", "rest").unlink()
    make(Growing())
    at_once = rows(make(Growing(tuple("abcdfh"))).store)
    assert at_once == grown
    assert [entry["rows"] for entry in steps[-1].store.provenance["appended"]] == [2, 2]


def test_new_objects_may_all_join_one_split() -> None:
    first = make(Growing()).store
    before = dict(zip(first.read_column("ids"), first.splits().tolist(), strict=True))
    options = replace(OPTIONS, split="train")
    grown = make(Growing(tuple("abcdefghijk")), options).store
    after = dict(zip(grown.read_column("ids"), grown.splits().tolist(), strict=True))
    assert {name: after[name] for name in before} == before
    assert {after[name] for name in after if name not in before} == {0}
    # It is still found as the store whose objects were dealt.
    assert not make(Growing(tuple("abcdefghijk")), grow=False).made
    paths.store("growing", "c", "rest").unlink()
    with pytest.raises(KgError, match="no store"):
        make(Growing(), options)


def test_when_nothing_is_new_nothing_happens() -> None:
    first = make(Growing())
    again = make(Growing())
    assert (first.made, again.made) == (True, False)
    make(Growing(tuple("abdfh")))
    # Without --append the grown store is found, too: it is what these files come to.
    assert not make(Growing(tuple("abdfh")), grow=False).made
    # Shapes that are gone keep their rows.
    assert not make(Growing(("a",))).made
    assert Store(first.store.path).count == 10


def test_it_goes_on_where_it_was_and_tries_again_what_was_left_out() -> None:
    make(Growing(torn={"d1"}))
    with pytest.raises(Interrupted) as caught:
        make(Growing(tuple("abdfhz"), stop_at="z0"))
    assert (caught.value.done, caught.value.total) == (3, 5)
    made = make(Growing(tuple("abdfhz"), torn={"a0"}))
    assert made.store.read().ids[7:] == ["a0", "a1", "d1", "z0", "z1"]
    assert made.store.provenance["skipped"] == []
    assert not list(made.store.path.parent.glob(".*parts"))
    # A frame that was left out joins its object's split.
    split = dict(zip(made.store.read().ids, made.store.splits().tolist(), strict=True))
    assert split["d1"] == split["d0"]
    torn = make(Growing(tuple("abdfhzq"), torn={"q0", "q1"}))
    assert not torn.made
    assert [name for name, _ in torn.skipped] == ["q0", "q1"]


def test_landmarks_are_as_many_as_any_row_has() -> None:
    before = rows(make(Growing()).store)
    store = make(Growing(tuple("abdfh"), landmarks=3)).store
    clouds = store.read()
    assert clouds.landmarks is not None
    assert clouds.landmarks.shape == (10, 3, 3)
    assert np.isnan(clouds.landmarks[:8, 2]).all()
    assert not np.isnan(clouds.landmarks[8:]).any()
    assert {name: rows(store)[name] for name in before} == before


@pytest.mark.parametrize(
    ("dataset", "options", "said"),
    [
        (Growing(tuple("abdfh")), replace(OPTIONS, seed=1), r"other options \(seed 0\)"),
        (Growing(tuple("abdfh")), replace(OPTIONS, normalisation="range"), r"\(normalisation longest-side\)"),
        (Growing(tuple("abdfh"), objects={"b": "a"}), OPTIONS, "With the new files b0 would be a frame of a"),
        (Growing(tuple("abdfh"), rest=False), OPTIONS, "which is not known of all new ones"),
    ],
)
def test_what_does_not_fit_is_refused(dataset: Dataset, options: PrepareOptions, said: str) -> None:
    before = make(Growing()).store
    with pytest.raises(KgError, match=said):
        make(dataset, options)
    assert Store(before.path).checksum == before.checksum


def test_so_many_objects_at_most() -> None:
    two = replace(OPTIONS, objects=2)
    first = set(make(Growing(), two).store.read_column("objects"))
    store = make(Growing(tuple("abcdefgh")), replace(OPTIONS, objects=5)).store
    assert len(set(store.read_column("objects"))) <= 5
    assert first < set(store.read_column("objects"))
    assert not make(Growing(tuple("abcdefgh")), two).made


def test_new_objects_are_dealt_by_name_in_the_usual_shares() -> None:
    def deal(own: dict[str, Split | None], known: dict[str, Split]) -> dict[str, Split]:
        items = [Item(name, name, split=split) for name, split in own.items()]
        return dict(zip(own, joining_by_object(items, items, known, 0), strict=True))

    dealt = deal({f"n{number}": None for number in range(2000)}, {"n1": "test", "n2": "val"})
    counts = {split: list(dealt.values()).count(split) for split in ("train", "val", "test")}
    # Standard deviations of 20, 13 and 18.
    assert abs(counts["train"] - 1400) < 80
    assert abs(counts["val"] - 200) < 52
    assert abs(counts["test"] - 400) < 72
    assert (dealt["n1"], dealt["n2"]) == ("test", "val")
    # Published splits stand; validation, which they lack, comes from training objects.
    published = deal({"a": "test", **{f"n{number}": "train" for number in range(200)}}, {})
    assert published["a"] == "test"
    assert {split for name, split in published.items() if name != "a"} == {"train", "val"}


def test_a_whole_store_may_be_of_one_split() -> None:
    store = make(Growing(), replace(OPTIONS, split="test"), grow=False).store
    assert store.splits().tolist() == [2] * 8
    with pytest.raises(KgError, match="split test"):
        make(Growing(), grow=False)
