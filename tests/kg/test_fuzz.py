"""Every reader, given files that are almost right: it reads them or says in a line what is wrong.

A few seconds' worth by default, always the same; `nox -s fuzz` takes minutes, and other files each time.
"""

import json
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.config import Config
from kg.data import PrepareOptions, Store, read_shape
from kg.data.fetching.archive import obtain
from kg.data.read import READERS
from kg.errors import KgError
from kg.evaluation.foreign import read_keypoints
from kg.inference.predictions import Predictions
from kg.model.checkpoint import load_checkpoint, save_checkpoint
from kg.plugins import DATASETS
from kg.train.runs import read_config, read_environment, read_metrics
from kg_datasets.folder.manifest import read_manifest

EXAMPLES = int(os.environ.get("KG_FUZZ", "0"))
SECONDS = 20
"""Of the processor's time that a small file may take."""
TOKENS = [
    b"", b"0", b"-1", b"1", b"3", b"255", b"nan", b"inf", b"-inf", b"1e200", b"1e999", b"0,5", b"99999999999",
    b"18446744073709551616", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x00",
    b"\xef\xbb\xbf", b"\xff\xfe", b"#", b"\n", b"\r\n", b" ", b"x", b"end_header\n", b"\\", b"[", b"{", b'"',
    b"../", b"\x1b[2J", b"\\ud800",
]  # fmt: skip

fuzzed = settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Edit:
    """What is done to a file: from a place on, so many bytes become others; places are shares of its size."""

    place: float
    removed: int
    inserted: bytes

    def __call__(self, content: bytes) -> bytes:
        first = int(self.place * len(content))
        return content[:first] + self.inserted + content[first + self.removed :]


edits = st.lists(
    st.builds(
        Edit,
        st.floats(0, 1),
        st.sampled_from([0, 0, 1, 1, 2, 4, 8, 100, 1 << 30]),
        st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
)


def reads_or_says_why(read: Callable[[], object], *named: Path) -> None:
    """Check that it ends, soon, and raises nothing but one line for a person."""
    began, said = time.process_time(), None
    try:
        read()
    except KgError as error:
        said = error.message
    if said is not None:
        assert said.isprintable()
        assert all(str(path) in said for path in named)
    assert time.process_time() - began < SECONDS


def spoil(file: Path, content: bytes, changes: list[Edit]) -> None:
    for change in changes:
        content = change(content)
    file.write_bytes(content)


@fuzzed
@given(st.data(), edits, st.sampled_from(sorted(READERS)))
def test_shapes(
    fixtures: Path, tmp_path: Path, data: st.DataObject, changes: list[Edit], suffix: str
) -> None:
    """Now and then under the suffix of another format."""
    originals = sorted(file for file in (fixtures / "shapes").iterdir() if file.suffix in READERS)
    right = [file for file in originals if file.suffix == suffix] or originals
    original = data.draw(st.sampled_from(right * 4 + originals))
    file = tmp_path / f"shape{suffix}"
    spoil(file, original.read_bytes(), changes)

    def read() -> None:
        shape = read_shape(file)
        assert np.isfinite(shape.vertices).all()
        assert shape.faces is None or 0 <= shape.faces.min() <= shape.faces.max() < len(shape.vertices)

    reads_or_says_why(read, file)


def _predictions(folder: Path) -> bytes:
    rng = np.random.default_rng(0)
    predictions = Predictions(
        ids=np.array(["a", "b"]),
        objects=np.array(["a", "b"]),
        points=rng.random((2, 8, 3), np.float32),
        scale=np.ones(2),
        offset=np.zeros(2),
        keypoints=rng.random((2, 3, 3), np.float32),
        keypoints_source=rng.random((2, 3, 3)),
        indices=np.zeros((2, 3), np.int64),
        confidences=np.ones((2, 3), np.float32),
        edge_pairs=np.array([[0, 1]]),
        edges=np.ones((2, 1), np.float32),
        meta={"run": "r"},
    )
    predictions.save(folder / "whole.npz")
    return (folder / "whole.npz").read_bytes()


Reader = tuple[str, Callable[[Path], bytes], Callable[[Path], object]]


def _checkpoint(folder: Path) -> bytes:
    training = {"optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}, "step": 3}
    save_checkpoint(folder / "whole.safetensors", {"a": torch.ones(3)}, Config(), 1, training)
    return (folder / "whole.safetensors").read_bytes()


def _checkpoint_of_before(folder: Path) -> bytes:
    torch.save({"format": "kg-checkpoint", "version": 1, "model": {"a": torch.ones(3)}}, folder / "whole.pt")
    return (folder / "whole.pt").read_bytes()


def _archive(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/a.txt", "hello " * 50)
        archive.writestr("data/b.txt", "b")
    return (folder / "whole.zip").read_bytes()


def _read_store(file: Path) -> None:
    store = Store(file)
    store.read()
    store.splits()
    store.rest_ids()


READ: dict[str, Reader] = {
    "store": ("store.h5", lambda folder: (folder / "store.h5").read_bytes(), _read_store),
    "predictions": ("out.npz", _predictions, Predictions.load),
    "keypoints": (
        "keypoints.npz",
        _predictions,
        lambda file: read_keypoints(file, file.with_name("store.h5"), split="all"),
    ),
    "checkpoint": (
        "last.safetensors",
        _checkpoint,
        lambda file: load_checkpoint(file, torch.device("cpu")),
    ),
    "checkpoint of before": (
        "last.pt",
        _checkpoint_of_before,
        lambda file: load_checkpoint(file, torch.device("cpu")),
    ),
    "config": (
        "config.json",
        lambda folder: json.dumps(Config().to_dict()).encode(),
        lambda file: read_config(file.parent),
    ),
    "environment": (
        "environment.json",
        lambda folder: b'{"kg": "0.1.0", "device": "cpu"}',
        lambda file: read_environment(file.parent),
    ),
    "metrics": (
        "metrics.jsonl",
        lambda folder: b'{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.25}\n',
        lambda file: read_metrics(file.parent),
    ),
    "archive": (
        "given.zip",
        _archive,
        lambda file: obtain(file, file.with_name("unpacked"), lambda folder: folder),
    ),
    "manifest": (
        "frames.csv",
        lambda folder: b"file,object,frame,split\nwhole.npz,a,0,train\nwhole.zip,b,1,test\n",
        lambda file: read_manifest(file, file.parent),
    ),
}


@pytest.mark.parametrize("name", READ)
@fuzzed
@given(changes=edits)
def test_files_of_kg(tmp_path: Path, tiny_store: Store, name: str, changes: list[Edit]) -> None:
    place, whole, read = READ[name]
    original = tmp_path / f"original-{place}"
    if not original.exists():
        original.write_bytes(whole(tmp_path))
    folder = tmp_path / "run"
    folder.mkdir(exist_ok=True)
    for other in ("whole.npz", "whole.zip"):
        (folder / other).touch()
    if name == "keypoints":
        (folder / "store.h5").write_bytes((tmp_path / "store.h5").read_bytes())
    spoil(folder / place, original.read_bytes(), changes)
    reads_or_says_why(lambda: read(folder / place), folder / place)


@fuzzed
@given(changes=edits)
def test_annotations_of_keypointnet(fixtures: Path, tmp_path: Path, changes: list[Edit]) -> None:
    raw = tmp_path / "keypointnet"
    if not raw.exists():
        for file in (fixtures / "keypointnet").rglob("*"):
            if file.is_file():
                copy = raw / file.relative_to(fixtures / "keypointnet")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    place = Path("annotations") / "airplane.json"
    spoil(raw / place, (fixtures / "keypointnet" / place).read_bytes(), changes)
    keypointnet = DATASETS.load("keypointnet")()

    def read() -> None:
        for item in keypointnet.items("airplane", raw, PrepareOptions()):
            keypointnet.load(item)

    reads_or_says_why(read)
