import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg import paths, plugins
from kg.cli.app import run
from kg.cli.prepare_work import announce
from kg.data import Item, PrepareOptions

Capture = pytest.CaptureFixture[str]
Prepare = Callable[..., tuple[dict[str, Any], str]]


@pytest.fixture
def prepare(tmp_path: Path, capsys: Capture) -> Prepare:
    """Return a function that runs `kg prepare` on ten clouds, and returns its JSON and what it said."""
    folder = tmp_path / "mugs"
    folder.mkdir()
    for number in range(10):
        np.save(folder / f"{'abcdefghij'[number]}.npy", np.random.default_rng(number).normal(size=(32, 3)))
    np.save(folder / "e.npy", np.zeros((3, 3)))

    def call(*words: str) -> tuple[dict[str, Any], str]:
        common = [
            "prepare",
            "folder",
            "--from",
            str(folder),
            "-c",
            "mug",
            "-n",
            "16",
            "--no-picture",
            "--json",
        ]
        code = run([*common, *words])
        out, err = capsys.readouterr()
        return (json.loads(out) if code == 0 else {"code": code}), err

    return call


def test_pieces_and_what_they_come_to(prepare: Prepare) -> None:
    first, said = prepare("--shard", "1/2")
    [entry] = first["shards"]
    assert (entry["shard"], entry["shapes"], entry["total"], entry["merged"]) == ("1/2", 5, 10, False)
    assert entry["left_out"] == [{"id": "e", "reason": entry["left_out"][0]["reason"]}]
    assert "left out e" in said
    failed, said = prepare("--merge")
    assert failed == {"code": 1}
    assert "missing: shard 2/2" in said
    prepare("--shard", "2/2")
    [store] = prepare("--merge")[0]["stores"]
    assert (store["shapes"], store["made"], len(store["skipped"])) == (9, True, 1)
    file = paths.store("folder", "mug", "rest")
    merged = sha256(file.read_bytes()).hexdigest()
    assert prepare("--shard", "1/2")[0]["shards"][0]["merged"]
    prepare("--force")
    assert sha256(file.read_bytes()).hexdigest() == merged


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shard", "1/2", "--merge"], "--shard and --merge exclude each other"),
        (["--cluster", "tcp://127.0.0.1:1"], "No Dask scheduler answers at tcp://127.0.0.1:1"),
        (["--shard", "x"], "'x' is no shard"),
        (["--merge"], "no shard has begun"),
    ],
)
def test_what_is_mistaken(prepare: Prepare, words: list[str], said: str) -> None:
    failed, told = prepare(*words)
    assert failed == {"code": 1}
    assert said in told


def test_a_large_preparation_says_so_and_a_small_one_does_not(capsys: Capture) -> None:
    garments = plugins.DATASETS.load("garments")()
    items = [Item(f"{thing}-{frame}", str(thing)) for thing in range(200) for frame in range(128)]
    announce("shirt", garments, PrepareOptions(deform={"fold": 1}), items, 2)
    said = " ".join(capsys.readouterr().err.split())
    # (200 x 11 s + 25,600 x 0.02 s) / 2 = 1,356 s; 25,600 x (2,048 x 24 + 500) bytes = 1.27 GB.
    assert "shirt: 25,600 clouds of 200 objects, about 1.27 GB, roughly 23 min in 2 processes" in said
    announce("shirt", garments, PrepareOptions(), items[:100], 2)
    assert capsys.readouterr().err == ""
