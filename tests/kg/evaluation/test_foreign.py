"""Keypoints of another program: read, placed on the store's shapes, and measured as kg's own are."""

import json

import numpy as np
import pytest

from kg.cli.app import run
from kg.errors import KgError
from kg.evaluation.evaluate import evaluate
from kg.evaluation.foreign import read_keypoints


@pytest.fixture
def keypoints(tiny_store):
    """The first four points of every shape, (20, 4, 3)."""
    return tiny_store.read().points[:, :4]


@pytest.fixture
def save(tmp_path):
    def write(array):
        np.save(tmp_path / "theirs.npy", array)
        return tmp_path / "theirs.npy"

    return write


def test_all_shapes_or_those_of_the_split_in_the_stores_order(tiny_store, keypoints, save):
    test = keypoints[16:]
    for array in (keypoints, test):
        found = read_keypoints(save(array), tiny_store.path)
        np.testing.assert_array_equal(found.keypoints, test)
        assert found.ids.tolist() == tiny_store.read("test").ids
    assert found.indices.tolist() == [[0, 1, 2, 3]] * 4
    assert len(read_keypoints(save(keypoints), tiny_store.path, split="all")) == 20


def test_source_units_are_normalised(tiny_store, keypoints, save):
    found = read_keypoints(save(keypoints * 0.5 + 0.25), tiny_store.path, space="source")
    np.testing.assert_allclose(found.keypoints, keypoints[16:], atol=1e-6)
    np.testing.assert_allclose(found.keypoints_source, keypoints[16:] * 0.5 + 0.25, atol=1e-6)


def test_ids_name_any_shapes_in_any_order(tiny_store, keypoints, tmp_path):
    rows = [18, 3, 16]
    names = [f"ellipsoid-{row}" for row in rows]
    np.savez(tmp_path / "theirs.npz", keypoints=keypoints[rows], ids=names)
    found = read_keypoints(tmp_path / "theirs.npz", tiny_store.path)
    assert found.ids.tolist() == ["ellipsoid-16", "ellipsoid-18"]
    np.testing.assert_array_equal(found.keypoints, keypoints[[16, 18]])


def test_they_are_measured_against_the_stores_ground_truth(tiny_store, save):
    clouds = tiny_store.read()
    assert clouds.landmarks is not None
    found = read_keypoints(save(clouds.landmarks), tiny_store.path)
    (result, *_) = evaluate(found, ["das-annotated"])
    assert (result.shapes, result.protocol, result.values["mean"]) == (4, "strict", 100)


def test_another_space_is_noticed(tiny_store, keypoints, save):
    with pytest.warns(UserWarning, match="outside of the clouds"):
        read_keypoints(save(keypoints * 40), tiny_store.path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((7, 4, 3)), "keypoints of 7 shapes; the store has 20, 4 of them"),
        (np.zeros((20, 4)), r"\(n, K, 3\) floats"),
        (np.zeros((20, 4, 3), int), r"\(n, K, 3\) floats"),
    ],
)
def test_what_does_not_go_with_the_store_is_refused(tiny_store, save, array, message):
    with pytest.raises(KgError, match=message):
        read_keypoints(save(array), tiny_store.path)


def test_ids_that_the_store_lacks_or_that_come_twice(tiny_store, keypoints, tmp_path):
    for names, message in ((["other"], "has no shape other"), (["ellipsoid-1"] * 2, "twice: ellipsoid-1")):
        np.savez(tmp_path / "theirs.npz", keypoints=keypoints[: len(names)], ids=names)
        with pytest.raises(KgError, match=message):
            read_keypoints(tmp_path / "theirs.npz", tiny_store.path)


def test_the_command_needs_nothing_else(tiny_store, keypoints, save, capsys):
    words = ["eval", "--keypoints", str(save(keypoints)), "--cpu", "--metric", "das"]
    assert run(words) == 1
    assert "--store" in capsys.readouterr().err
    assert run([*words, "--store", str(tiny_store.path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [result["metric"] for result in printed["results"]] == ["das-annotated", "coverage", "spread"]
