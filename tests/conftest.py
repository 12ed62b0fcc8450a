"""What all tests share: folders of their own, the fixtures, data sets that pretend to be installed."""

import hashlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kg import ops, plugins
from kg.config import PRESETS, Config, DataConfig, ModelConfig, TrainConfig
from kg.data import Store
from kg.data.store import Clouds, write_store
from kg.model import MLP, Backbone, Features, Pyramid

# Without a GPU Triton's kernels run through its interpreter, which has to be known before it is imported.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
# Once Mesa's LLVM is there, which draws for VTK, importing Triton's crashes; the other way round does not.
with suppress(ImportError):
    import triton  # noqa: F401
# Compiled loops are kept from one test, and one session, to the next.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "loops"))
# Enough for the parallel versions of kernels, which run where PyTorch has a second thread too.
os.environ["NUMBA_NUM_THREADS"] = "2"
# On a busy machine a second thread costs the tests more than it gives.
torch.set_num_threads(1)

REPOSITORY = Path(__file__).parents[1]

Install = Callable[[str, Mapping[str, str], Mapping[str, str]], Path]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's data, runs or settings."""
    monkeypatch.setenv("KG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KG_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("KG_DEBUG", "KG_KERNELS", "KG_PASSWORD", "KG_RECORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def in_time() -> Iterator[None]:
    """Skip a test of other processes where a machine is too busy to start them; do not wait for ever."""

    def give_up(*_: object) -> None:
        pytest.skip("the processes that it needs did not answer within three minutes")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(180)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return REPOSITORY / "fixtures"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data, which are not part of the repository."""
    folder = Path(os.environ.get("KG_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real data in {folder} (KG_SHARED_DATA)")
    return folder


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that lets a distribution be found as if it were installed.

    It takes the distribution's name, its modules {name: code}, and its entry points
    {"group name": "module:object"}.
    """

    def add(distribution: str, modules: Mapping[str, str], entry_points: Mapping[str, str]) -> Path:
        site = tmp_path / "site" / distribution
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        groups: dict[str, list[str]] = {}
        for key, target in entry_points.items():
            group, name = key.split()
            groups.setdefault(group, []).append(f"{name} = {target}")
        text = "\n".join("\n".join([f"[{group}]", *lines]) for group, lines in groups.items())
        (info / "entry_points.txt").write_text(text + "\n")
        for name, code in modules.items():
            (site / f"{name}.py").write_text(code)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(str(site))
        return site

    return add


class Server(ThreadingHTTPServer):
    """A web server on this machine, with the faults of those out there.

    Attributes:
        files: Content by path, "/a/b".
        faults: By path, what goes wrong with the next requests for it, one each: a status; "cut", after
            half of what was to be sent; "page", a web page instead; "stale", a part of something else.
        headers: Sent with a status that is a fault.
        ranges: False: it sends files from their beginning, always.
        tags: False: it sends nothing that tells versions of a file apart.
        requests: (method, path, Range header or None) of each request.
        hold: Cleared, the second half of every file waits for it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[int | str]] = {}
        self.headers: dict[str, str] = {}
        self.ranges = self.tags = True
        self.requests: list[tuple[str, str, str | None]] = []
        self.hold = threading.Event()
        self.hold.set()

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that go away: it is what the tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        asked = self.headers["Range"]
        self.server.requests.append((self.command, path, asked))
        faults = self.server.faults.get(path)
        fault = faults.pop(0) if faults else None
        content = self.server.files.get(path)
        if isinstance(fault, int) or content is None:
            self.answer(404 if fault is None else fault, b"", self.server.headers)
            return
        if fault == "page":
            self.answer(200, b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": tag} if self.server.tags else {}
        start = int(re.findall(r"\d+", asked)[0]) if asked and self.server.ranges else 0
        if start and self.headers["If-Range"] not in (None, tag):
            start = 0
        if start >= len(content) > 0:
            self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        elif start:
            begin = start + 1 if fault == "stale" else start
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[begin:], headers, fault == "cut")
        else:
            self.answer(200, content, headers, fault == "cut")

    def answer(self, status: int, body: bytes, headers: Mapping[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.hold.wait(30)
        if cut:
            self.close_connection = True
        else:
            self.wfile.write(body[half:])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server without files; no proxy stands before it, and nobody waits to try again."""
    from kg.data.fetching import download

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(download, "BACK_OFF", 0.0)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.hold.set()
    made.shutdown()
    thread.join()
    made.server_close()


Sheet = tuple[NDArray[np.float64], NDArray[np.int64]]


def _sheet(columns: int, rows: int, edge: float = 0.02) -> Sheet:
    """Return an upright sheet of equilateral triangles in the plane y = 0, its top at z = 0."""
    height = np.sqrt(0.75) * edge
    vertices = [
        (edge * (column + row % 2 / 2), 0.0, -height * row)
        for row in range(rows + 1)
        for column in range(columns + 1)
    ]
    faces = []
    for row in range(rows):
        for column in range(columns):
            a = row * (columns + 1) + column
            b, c, d = a + 1, a + columns + 1, a + columns + 2
            faces += [(a, c, b), (b, c, d)] if row % 2 == 0 else [(a, c, d), (a, d, b)]
    return np.array(vertices), np.array(faces)


@pytest.fixture
def make_sheet() -> Callable[..., Sheet]:
    """Return a function that makes a small sheet of cloth."""
    return _sheet


@pytest.fixture
def lying() -> Sheet:
    """A sheet that lies down: y up its length, z = 0."""
    vertices, faces = _sheet(12, 14)
    return vertices[:, [0, 2, 1]], faces


class Tiny(Backbone):
    """Two levels of 16 and 8 points; enough to have every part of the contract."""

    level_channels = (8, 12)
    point_channels = 16
    global_channels = 12
    minimum_points = 32
    recordable = True

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = MLP(3, [8]), MLP(11, [12]), MLP(15, [16])

    def forward(self, points):
        start = None
        if self.training:
            start = torch.randint(points.shape[1], (len(points),), device=points.device)
        fine = ops.gather(points, ops.farthest_point_sample(points, 16, start))
        pyramid = Pyramid([points, fine, fine[:, :8].contiguous()])
        one = self.first(fine)
        two = self.second(torch.cat([one[:, :8], pyramid.clouds[2]], 2))
        climbed = pyramid.climb(pyramid.climb(two, 2), 1)
        return Features(pyramid, [one, two], self.third(torch.cat([climbed, points], 2)), two.amax(1))


@pytest.fixture
def tiny_backbone(monkeypatch):
    """Register the backbone `tiny` for one test."""
    load = plugins.BACKBONES.load
    fake = SimpleNamespace(load=lambda name: Tiny if name == "tiny" else load(name))
    monkeypatch.setattr(plugins, "BACKBONES", fake)


@pytest.fixture
def tiny_store(tmp_path):
    """Twenty ellipsoids of 64 points, with two landmarks each."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 64, 3))
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    points *= rng.uniform(0.3, 1, (20, 1, 3))
    landmarks = np.stack([points[:, :, 0].max(1), -points[:, :, 0].max(1)], 1)
    landmarks = np.stack([landmarks, 0 * landmarks, 0 * landmarks], 2)
    names = [f"ellipsoid-{number}" for number in range(20)]
    clouds = Clouds(
        ids=names,
        objects=names,
        frame=np.zeros(20, np.int32),
        points=points.astype(np.float32),
        scale=np.full(20, 0.5),
        offset=np.full(20, 0.25),
        landmarks=landmarks.astype(np.float32),
        landmark_ids=np.tile(np.array([0, 1], np.int32), (20, 1)),
    )
    splits = {"object": ["train"] * 13 + ["val"] * 3 + ["test"] * 4}
    path = tmp_path / "store.h5"
    write_store(
        path,
        [clouds],
        {**splits, "frame": splits["object"]},
        dataset="ellipsoids",
        category="ellipsoid",
        variant="rest",
        unit="metre",
        landmark_names={0: "right", 1: "left"},
        provenance={},
    )
    return Store(path)


@pytest.fixture
def tiny_config(tiny_backbone, tiny_store):
    """A configuration that trains on `tiny_store` in a second."""
    return Config(
        preset="tiny",
        model=ModelConfig(keypoints=4, backbone="tiny", grid=(4, 4, 4), sigma=0.3, normalisation="range"),
        train=TrainConfig(points=48, farthest=5, epochs=3, batch_size=4, similarity_delay=1),
        data=DataConfig(str(tiny_store.path), tiny_store.checksum),
    )


@pytest.fixture
def tiny_preset(tiny_config, monkeypatch):
    """Register `tiny_config` as the preset `tiny` for one test."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    return tiny_config
