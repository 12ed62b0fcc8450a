"""What is read from one store or several."""

import numpy as np
import pytest

from kg.data.store import Clouds, Store, write_store
from kg.train.examples import read_examples


@pytest.fixture
def make(tmp_path):
    """Write a store of clouds whose every coordinate says which object it is."""

    def written(category, variant, splits, landmarks=0, rest=True, options=None):
        names = list(splits)
        count = len(names)
        points = np.random.default_rng(0).uniform(-1, 1, (count, 20, 3)).astype(np.float32)
        clouds = Clouds(
            ids=names,
            objects=names,
            frame=np.zeros(count, np.int32),
            points=points,
            scale=np.ones(count),
            offset=np.zeros(count),
            landmarks=points[:, :landmarks] if landmarks else None,
            landmark_ids=np.tile(np.arange(landmarks, dtype=np.int32), (count, 1)) if landmarks else None,
            rest_positions=points if rest else None,
        )
        path = tmp_path / "garments" / category / f"{variant}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_store(
            path,
            [clouds],
            {"object": list(splits.values()), "frame": ["train"] * count},
            dataset="garments",
            category=category,
            variant=variant,
            unit="metre",
            landmark_names={},
            provenance={"options": options or {}},
        )
        return Store(path)

    return written


def objects(stores, split="train"):
    return read_examples(stores, split, "object", 20).objects


def test_one_store_is_read_as_it_is(make):
    store = make("shirt", "fold", {"a": "train", "b": "val", "c": "test"})
    assert objects([store]) == ["garments/shirt/fold/a"]
    assert objects([store], "val") == ["garments/shirt/fold/b"]


def test_an_object_that_one_store_tests_on_is_trained_on_in_none(make):
    fold = make("shirt", "fold", {"a": "train", "b": "train", "c": "val", "d": "test"})
    drag = make("shirt", "drag", {"a": "train", "b": "test", "c": "train", "d": "val"})
    other = make("dress", "fold", {"a": "train", "b": "train"})
    train = objects([fold, drag, other])
    assert train == [
        "garments/shirt/fold/a",
        "garments/shirt/drag/a",
        "garments/dress/fold/a",
        "garments/dress/fold/b",
    ]
    assert objects([fold, drag], "val") == ["garments/shirt/fold/c"]


def test_garments_made_by_another_seed_are_others_whatever_they_are_called(make):
    made = {
        (seed, split): make("shirt", f"{split}-{seed}", {"a": split}, options={"raw": "", "seed": seed})
        for seed in (1, 2)
        for split in ("train", "test")
    }
    assert objects([made[1, "train"], made[2, "test"]]) == ["garments/shirt/train-1/a"]
    assert not objects([made[2, "train"], made[2, "test"]])
    # What lies in files is the same, whatever the seed of the samples.
    read = [
        make("shirt", f"{split}-read", {"a": split}, options={"raw": "/raw", "seed": seed})
        for seed, split in enumerate(("train", "test"))
    ]
    assert not objects(read)


def test_what_some_stores_lack_all_lack_and_landmarks_are_filled_up(make):
    shirts = make("shirt", "fold", {"a": "train", "b": "train"}, landmarks=3)
    ties = make("tie", "fold", {"a": "train"}, landmarks=2, rest=False)
    found = read_examples([shirts, ties], "train", "object", 20)
    assert found.rest is None
    assert found.boxes is None
    assert found.points.shape == (3, 20, 3)
    assert found.landmark_ids.tolist() == [[0, 1, 2], [0, 1, 2], [0, 1, -1]]
    assert found.landmarks[2, 2].isnan().all()
    assert found.categories == ["shirt", "shirt", "tie"]
    assert found.batch(("tie", "shirt")).category.tolist() == [1, 1, 0]
    assert found.batch(("shirt",)).category is None


def test_a_split_that_only_some_have_is_that_of_those(make):
    shirts = make("shirt", "fold", {"a": "train", "b": "val"})
    ties = make("tie", "fold", {"a": "train"})
    assert objects([shirts, ties], "val") == ["garments/shirt/fold/b"]
    assert objects([ties], "val") == []
