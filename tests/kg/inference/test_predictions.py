from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from kg.errors import KgError
from kg.inference.predictions import Predictions


def predictions() -> Predictions:
    rng = np.random.default_rng(0)
    return Predictions(
        ids=np.array(["a/1", "ü", "c"]),
        objects=np.array(["a", "b", "c"]),
        points=rng.normal(size=(3, 16, 3)).astype(np.float32),
        scale=rng.random(3),
        offset=rng.random(3),
        keypoints=rng.normal(size=(3, 4, 3)).astype(np.float32),
        keypoints_source=rng.normal(size=(3, 4, 3)),
        indices=rng.integers(16, size=(3, 4)),
        confidences=rng.random((3, 4)).astype(np.float32),
        edge_pairs=np.array([[0, 1], [0, 2]]),
        edges=rng.random((3, 2)).astype(np.float32),
        rest=rng.random((3, 16, 3)).astype(np.float32),
        meta={"run": "r", "seed": 3, "store": {"path": "p", "checksum": "c"}},
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = predictions()
    made.save(tmp_path / "out.npz")
    loaded = Predictions.load(tmp_path / "out.npz")
    assert len(loaded) == 3
    assert loaded.meta == made.meta
    for item in fields(made):
        if item.name != "meta":
            before, after = getattr(made, item.name), getattr(loaded, item.name)
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    """The file is for other programs too: no pickles in it."""
    predictions().save(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as file:
        assert file["keypoints"].shape == (3, 4, 3)


def test_what_is_no_file_of_predictions(tmp_path: Path) -> None:
    with pytest.raises(KgError, match=r"no file .*none\.npz") as caught:
        Predictions.load(tmp_path / "none.npz")
    assert "kg predict" in caught.value.hint
    np.savez(tmp_path / "other.npz", points=np.zeros((1, 2, 3)))
    with pytest.raises(KgError, match="holds no predictions: it lacks ids"):
        Predictions.load(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(KgError, match="cannot be read"):
        Predictions.load(tmp_path / "text.npz")


def test_a_file_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "out.npz"
    predictions().save(file)
    content = file.read_bytes()
    for size in (0, 100, len(content) // 2, len(content) - 10):
        file.write_bytes(content[:size])
        with pytest.raises(KgError, match="cannot be read"):
            Predictions.load(file)
