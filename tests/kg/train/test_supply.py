"""Clouds that are read as they are needed are those that are read all at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kg.data.store import Clouds, Store, write_store
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint
from kg.train import supply as module
from kg.train import train
from kg.train.runs import read_metrics
from kg.train.supply import InMemory, Selection, Streamed, supply

CPU = torch.device("cpu")
WANTED = Selection("train", "object", 20, "longest-side", ("cup", "mug"))
ROWS = [torch.tensor([9, 0, 3, 3]), torch.tensor([1]), torch.tensor([12, 5])]


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a store of objects with frames, some of them in each split."""

    def call(category, count, *, rest=True, seed=0):
        rng = np.random.default_rng(seed)
        names = [f"{category}{number}" for number in range(count)]
        clouds = Clouds(
            ids=names,
            objects=[f"thing{number // 3}" for number in range(count)],
            frame=np.arange(count, dtype=np.int32) % 3,
            points=rng.uniform(-1, 1, (count, 32, 3)).astype(np.float32),
            scale=rng.uniform(1, 2, count),
            offset=rng.uniform(-1, 1, (count, 3)),
            rest_positions=rng.normal(size=(count, 32, 3)).astype(np.float32) if rest else None,
        )
        splits = ["val" if number // 3 == 1 else "train" for number in range(count)]
        path = tmp_path / f"{category}.h5"
        write_store(
            path,
            [clouds],
            {"object": splits, "frame": splits},
            dataset="things",
            category=category,
            variant="rest",
            unit="metre",
            landmark_names={},
            provenance={},
        )
        return Store(path)

    return call


def both(stores, wanted, monkeypatch):
    whole = supply(stores, wanted, CPU)
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    monkeypatch.setattr(module, "CHUNK", 4)
    streamed = supply(stores, wanted, CPU)
    assert isinstance(whole, InMemory)
    assert isinstance(streamed, Streamed)
    return whole, streamed


@pytest.mark.parametrize("points", [20, 32])
@pytest.mark.parametrize("normalisation", ["longest-side", "range"])
@pytest.mark.parametrize("rest", [True, False])
def test_the_same_batches(make, monkeypatch, points, normalisation, rest):
    stores = [make("cup", 9), make("mug", 12, rest=rest, seed=1)]
    wanted = WANTED._replace(points=points, normalisation=normalisation)
    whole, streamed = both(stores, wanted, monkeypatch)
    assert len(whole) == len(streamed) == 15
    for one, other in zip(whole.batches(ROWS), streamed.batches(ROWS), strict=True):
        assert torch.equal(one.points, other.points)
        assert torch.equal(one.category, other.category)
        assert (one.rest is None) == (other.rest is None) == (not rest)
        assert one.rest is None or torch.equal(one.rest, other.rest)
    assert list(streamed.batches([])) == []


def test_what_is_known_of_all_and_what_is_looked_at(make, monkeypatch):
    stores = [make("cup", 9), make("mug", 12, seed=1)]
    whole, streamed = both(stores, WANTED, monkeypatch)
    assert streamed.listed.objects == whole.listed.objects
    assert streamed.listed.frames == whole.listed.frames
    assert streamed.listed.categories == whole.listed.categories
    assert streamed.listed.points.shape == (15, 0, 3)
    # All of them are few enough to be looked at; then five, evenly chosen.
    assert torch.equal(streamed.examples.points, whole.examples.points)
    assert torch.equal(streamed.examples.boxes, whole.examples.boxes)
    assert torch.equal(streamed.some().points, whole.some().points)
    monkeypatch.setattr(module, "SOME", 5)
    some = supply(stores, WANTED, CPU)
    chosen = torch.tensor([0, 4, 7, 10, 14])
    assert torch.equal(some.examples.points, whole.examples.points[chosen])
    assert torch.equal(some.examples.rest, whole.examples.rest[chosen])
    assert some.examples.objects == [whole.examples.objects[row] for row in chosen]


def test_too_few_points_are_told_before_the_first_step(make, monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    with pytest.raises(KgError, match="32 points, 64 are needed"):
        supply([make("cup", 9)], WANTED._replace(points=64, categories=("cup",)), CPU)


@pytest.mark.parametrize("taught", [False, True])
def test_the_same_weights(tiny_config, tmp_path, monkeypatch, taught):
    monkeypatch.setattr(module, "CHUNK", 8)
    config = replace(tiny_config, train=replace(tiny_config.train, jitter=0.01, epochs=2))
    if taught:
        (tmp_path / "teacher").mkdir()
        train(config, tmp_path / "teacher", CPU)
        model = replace(config.model, detector="student", normalisation="longest-side")
        teacher = str(tmp_path / "teacher" / "last.safetensors")
        config = replace(config, model=model, train=replace(config.train, teacher=teacher))
    states = []
    for name, limit in (("whole", 2**30), ("streamed", 0)):
        monkeypatch.setattr(module, "IN_MEMORY", limit)
        (tmp_path / name).mkdir()
        train(config, tmp_path / name, CPU)
        states.append(load_checkpoint(tmp_path / name / "last.safetensors", CPU).model.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
    first, second = (read_metrics(tmp_path / name) for name in ("whole", "streamed"))
    assert [entry["val_loss"] for entry in first] == [entry["val_loss"] for entry in second]
