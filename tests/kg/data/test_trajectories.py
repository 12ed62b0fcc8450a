"""Sequences as plain files."""

import json

import h5py
import numpy as np
import pytest

from kg.data import Store
from kg.data.store import Clouds, write_store
from kg.data.trajectories import episodes, export
from kg.errors import KgError


def moving(path, frames=4):
    """Two objects of so many frames; the first hand is closed in the second and third, the other never."""
    rng = np.random.default_rng(0)
    count = 2 * frames
    hands = np.full((count, 2, 3), np.nan, np.float32)
    held = np.full((count, 2), -1, np.int32)
    for start in (0, frames):
        hands[start + 1 : start + 3, 0] = [[0, 0, 0.5], [0, 0, 1]]
        held[start + 1 : start + 3, 0] = 3
    clouds = Clouds(
        ids=[f"{name}-{frame}" for name in "ab" for frame in range(frames)],
        objects=[name for name in "ab" for _ in range(frames)],
        frame=np.tile(np.arange(frames, dtype=np.int32), 2),
        points=rng.normal(size=(count, 8, 3)).astype(np.float32),
        scale=np.full(count, 2.0),
        offset=np.tile([0.0, 0, 1], (count, 1)),
        rest_positions=rng.normal(size=(count, 8, 3)).astype(np.float32),
        motion=[json.dumps({"name": "fold", "folds": 3})] * count,
        time=np.tile(np.arange(frames) / 10, 2),
        hands=hands,
        held=held,
        held_rest=hands,
        contact=(rng.random((count, 8)) < 0.5).astype(np.uint8),
    )
    splits = ["train"] * frames + ["test"] * frames
    write_store(
        path,
        [clouds],
        {"object": splits, "frame": splits},
        dataset="d",
        category="shirt",
        variant="fold",
        unit="metre",
        landmark_names={},
        provenance={},
    )
    return Store(path), clouds


def test_states_and_actions_follow_the_hands(tmp_path):
    store, clouds = moving(tmp_path / "s.h5")
    first, second = episodes(store)
    assert (first.object, first.split, second.split) == ("a", "train", "test")
    assert first.task("shirt") == "fold a shirt"
    state = first.arrays["observation/state"]
    # It waits where it will close, 0.5 * 2 + 1 above the ground, and then where it has let go.
    assert state[:, 2].tolist() == [2, 2, 3, 3]
    assert state[:, 3].tolist() == [0, 1, 1, 0]
    assert not state[:, 4:].any()
    np.testing.assert_array_equal(first.arrays["action"], state[[1, 2, 3, 3]])
    np.testing.assert_allclose(
        first.arrays["observation/points"], clouds.points[:4] * 2 + [0, 0, 1], rtol=1e-6
    )
    assert first.arrays["next.done"].tolist() == [False, False, False, True]


@pytest.mark.parametrize("kind", ["hdf5", "npz"])
def test_files_hold_what_the_store_has(tmp_path, kind):
    store, clouds = moving(tmp_path / "s.h5")
    folder = tmp_path / "out"
    info = export(store, folder, kind)
    assert info == json.loads((folder / "info.json").read_text())
    assert (info["total_episodes"], info["total_frames"]) == (2, 8)
    lines = [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]
    assert [line["object"] for line in lines] == ["a", "b"]
    assert lines[0]["motion"]["folds"] == 3
    path = folder / lines[1]["file"]
    if kind == "hdf5":
        with h5py.File(path) as file:
            contact = file["observation/contact"][:]
            assert file.attrs["split"] == "test"
    else:
        with np.load(path) as file:
            contact = file["observation.contact"]
            assert json.loads(str(file["meta"]))["split"] == "test"
    np.testing.assert_array_equal(contact, clouds.contact[4:])
    with pytest.raises(KgError, match="is there already"):
        export(store, folder, kind)


def test_a_store_at_rest_has_no_episodes(tiny_store, tmp_path):
    with pytest.raises(KgError, match="no hands"):
        export(tiny_store, tmp_path / "out", "npz")
    assert not (tmp_path / "out").exists()


def test_a_store_keeps_what_moves_and_training_reads_none_of_it(tmp_path):
    store, clouds = moving(tmp_path / "s.h5")
    assert store.read().motion is None
    read = store.read_rows(slice(None), motion=True)
    assert read.motion == clouds.motion
    for name in ("time", "hands", "held", "held_rest", "contact"):
        np.testing.assert_array_equal(getattr(read, name), getattr(clouds, name))


def test_some_arrays_of_a_motion_are_refused(tmp_path):
    store, _ = moving(tmp_path / "s.h5")
    with h5py.File(store.path, "a") as file:
        del file["time"]
    with pytest.raises(KgError, match="some arrays of a motion"):
        Store(store.path)
