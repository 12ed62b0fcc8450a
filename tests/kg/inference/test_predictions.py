import tracemalloc
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

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
        offset=rng.random((3, 3)),
        keypoints=rng.normal(size=(3, 4, 3)).astype(np.float32),
        keypoints_source=rng.normal(size=(3, 4, 3)),
        indices=rng.integers(16, size=(3, 4)),
        confidences=rng.random((3, 4)).astype(np.float32),
        edge_pairs=np.array([[0, 1], [0, 2]]),
        edges=rng.random((3, 2)).astype(np.float32),
        rest=rng.random((3, 16, 3)).astype(np.float32),
        visible=rng.random((3, 4)) < 0.5,
        rotations=rng.random((3, 3, 3)),
        turns=rng.random((3, 3, 3)),
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
    with pytest.raises(KgError, match="holds no predictions of kg: It lacks ids"):
        Predictions.load(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(KgError, match="cannot be read"):
        Predictions.load(tmp_path / "text.npz")


def rewrite(file: Path, **changed: Any) -> None:
    with np.load(file, allow_pickle=False) as there:
        arrays = {name: there[name] for name in there.files}
    np.savez(file, **{name: values for name, values in {**arrays, **changed}.items() if values is not None})


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"version": np.array(2)}, "written by a newer kg, as version 2; this one reads up to 1"),
        ({"version": np.array("two")}, "version is no number"),
        ({"points": np.zeros((3, 16))}, r"points are \(3, 16\)"),
        ({"keypoints": np.zeros((3, 4, 2))}, r"keypoints are float64 \(3, 4, 2\)"),
        ({"offset": np.zeros((3, 2))}, "offset are"),
        ({"scale": np.zeros(2)}, r"scale are float64 \(2,\), where \(3,\) belongs"),
        ({"ids": np.arange(3)}, "ids are int64"),
        ({"rest": np.zeros((3, 15, 3))}, "rest are"),
        ({"visible": np.ones((3, 4))}, r"visible are float64 \(3, 4\)"),
        ({"indices": np.full((3, 4), 16)}, "indices point beyond the 16"),
        ({"edge_pairs": np.array([[0, 1], [0, -1]])}, "edge_pairs point beyond the 4"),
        ({"meta": np.array("[1]")}, "meta is no record"),
        ({"meta": np.array('{"store": 3}')}, "meta has store = '3'"),
        ({"meta": np.array('{"store": {"path": "p"}}')}, "a store without path or checksum"),
        ({"meta": np.array('{"run": ["r"]}')}, "meta has run = "),
        ({"scale": np.array([1.0, np.nan, 1.0])}, "scale are NaN or infinite in places"),
        ({"scale": np.array([1.0, 0.0, 1.0])}, "scale is not above 0"),
        ({"points": np.full((3, 16, 3), np.inf, np.float32)}, "points are NaN or infinite in places"),
        ({"meta": np.array("{")}, "cannot be read"),
        ({"meta": np.array("[" * 100_000)}, "cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, changed: dict[str, Any], match: str) -> None:
    file = tmp_path / "out.npz"
    predictions().save(file)
    rewrite(file, **changed)
    with pytest.raises(KgError, match=match) as caught:
        Predictions.load(file)
    assert str(file) in caught.value.message
    assert caught.value.hint


def test_a_file_from_before_versions_is_read(tmp_path: Path) -> None:
    file = tmp_path / "out.npz"
    predictions().save(file)
    rewrite(file, version=None, rest=None, visible=None, offset=np.zeros(3))
    loaded = Predictions.load(file)
    assert loaded.rest is None
    assert loaded.visible is None
    assert loaded.offset.shape == (3,)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """80 MiB of zeros take 80 kB."""
    file = tmp_path / "out.npz"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("points.npy", "w") as entry,
    ):
        for _ in range(80):
            entry.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(KgError, match=r"claims to unpack from \d+ bytes to 83886080"):
        Predictions.load(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_a_file_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "out.npz"
    predictions().save(file)
    content = file.read_bytes()
    for size in (0, 100, len(content) // 2, len(content) - 10):
        file.write_bytes(content[:size])
        with pytest.raises(KgError, match="cannot be read"):
            Predictions.load(file)
