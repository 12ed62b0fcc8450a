"""SIGKILL at random moments, and whether the same command then ends with the same result, byte by byte.

python tests/benchmarks/kills.py [prepare] [train] [sweep] [fetch] [--kills 16] [--seed 0]

Each command is run whole, twice, to learn how long it takes and what of its result is the same each time.
Then it is killed in a new place again and again, at a moment drawn from that time, and given once more until
it is done; `train` by --resume, if there is a run to resume. Commands run in forks of this process, so that
kills meet their work and not the imports. Every second kill of a sweep leaves its trainings alone, which then
go on without it. For Linux.
"""

import argparse
import hashlib
import http.server
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import h5py
import torch.nn.functional  # noqa: F401  what commands import, once for all forks
from safetensors import safe_open

import kg.inference
import kg.sweep.pool
import kg.train  # noqa: F401
from kg.cli.app import run

TRIES = 60
"""Times that a command is given again after a kill, a second apart, while a training goes on by itself."""
NETWORK = ("--detector", "key-grid", "--set", "backbone=layered", "-k", "4")
SMALL = (*NETWORK, "--points", "512", "-e", "3", "--cpu")
CHANGES = ("seconds", "memory")
"""Of a line of metrics.jsonl, what no two trainings have in common."""

Result = dict[str, str]
"""The content, or its SHA-256, by what it is called."""


@dataclass(frozen=True)
class Work:
    """What is killed.

    Attributes:
        words: The command.
        result: What it leaves in a folder, which holds the runs, and `home` for the data.
        before: The command that makes what it needs, once for all.
        again: The command after a kill, by the folder.
    """

    words: tuple[str, ...]
    result: Callable[[Path], Result]
    before: tuple[str, ...] = ()
    again: Callable[[Path], tuple[str, ...] | None] = lambda folder: None


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def store(folder: Path) -> Result:
    """Return each array of the store, and what it says of itself."""
    found: Result = {}
    (path,) = (folder / "home" / "prepared").glob("*/*/[!.]*.h5")
    with h5py.File(path) as file:
        file.visititems(
            lambda name, node: (
                found.update({name: digest(repr(node[:].tolist()).encode())})
                if isinstance(node, h5py.Dataset)
                else None
            )
        )
        found |= {f"@{name}": str(value) for name, value in file.attrs.items()}
    return found


def trained(folder: Path) -> Result:
    """Return each tensor of each checkpoint, and the lines of each log."""
    found: Result = {}
    for path in sorted(folder.glob("**/*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                content = file.get_tensor(name).numpy().tobytes()
                found[f"{path.relative_to(folder)} {name}"] = digest(content)
    for path in sorted(folder.glob("**/metrics.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [{name: value for name, value in line.items() if name not in CHANGES} for line in lines]
        found[str(path.relative_to(folder))] = json.dumps(kept)
    return found


def files(folder: Path) -> Result:
    raw = folder / "home" / "raw"
    there = [path for path in raw.rglob("*") if path.is_file()]
    return {str(path.relative_to(raw)): digest(path.read_bytes()) for path in there}


def resumed(folder: Path) -> tuple[str, ...] | None:
    return ("train", "--resume", "mine", "--cpu") if (folder / "mine" / "config.json").is_file() else None


GARMENTS = ("prepare", "-c", "tie", "--objects", "10", "--points", "512", "--no-picture", "--threads", "1")
WORKS = {
    "prepare": Work((*GARMENTS, "--deform", "drop", "--frames", "3", "--set", "seconds=0.1"), store),
    "train": Work(("train", *SMALL, "--name", "mine"), trained, GARMENTS, resumed),
    "sweep": Work(("sweep", "-c", "tie", "--seed", "0,1", *SMALL, "--name", "many"), trained, GARMENTS),
    "fetch": Work(("fetch", "keypointnet", "--yes", "--from", "MIRROR"), files),
}


def begin(words: tuple[str, ...], folder: Path, data: Path) -> int:
    """Start a command in a fork, and return its process."""
    folder.mkdir(parents=True, exist_ok=True)
    process = os.fork()
    if process:
        return process
    code = 99
    try:
        os.setsid()
        os.environ |= {"KG_RUNS": str(folder), "KG_HOME": str(data)}
        os.chdir(folder)
        log = os.open(folder / "log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = run(words)
    finally:
        sys.stdout.flush()
        os._exit(code)


def end(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def descendants(process: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = entry.read_text()
            parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(entry.parent.name))
    found = [process]
    for one in found:
        found += parents.get(one, [])
    return found[1:]


def kill(process: int, alone: bool) -> None:
    others = [] if alone else descendants(process)
    for one in (process, *others):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    os.waitpid(process, 0)


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves one archive at 8 MB/s, from where it is asked to begin."""

    content = b""
    PIECE = 1 << 17

    def do_GET(self) -> None:
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(self.content) - begin))
        self.send_header("ETag", '"one"')
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        self.end_headers()
        with suppress(ConnectionError):  # a client that was killed
            for first in range(begin, len(self.content), self.PIECE):
                self.wfile.write(self.content[first : first + self.PIECE])
                time.sleep(self.PIECE / 8e6)

    def log_message(self, *_: object) -> None:
        pass


def archive() -> bytes:
    """Return the fixture of KeypointNet, with twenty large clouds of noise, as a zip."""
    folder, packed = Path(__file__).parents[2] / "fixtures" / "keypointnet", io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(folder))
        for number in range(20):
            made.writestr(f"pcds/02691156/b{number}.pcd", random.Random(number).randbytes(1 << 20))
    return packed.getvalue()


@contextmanager
def mirror() -> Iterator[str]:
    """Serve the archive from a process of its own, and yield its address."""
    Slow.content = archive()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        process = os.fork()
        if not process:
            server.serve_forever()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keypointnet.zip"
        finally:
            kill(process, alone=True)


def differences(one: Result, other: Result) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def hurt(name: str, work: Work, kills: int, draw: random.Random, place: Path) -> bool:
    """Kill one command so many times; print what came of it, and tell whether all was well."""
    shared = place / "data"
    if work.before and end(begin(work.before, place, shared)):
        raise SystemExit(f"{' '.join(work.before)} failed: {place / 'log'}")

    def data(folder: Path) -> Path:
        return shared if work.before else folder / "home"

    whole, seconds = [], 0.0
    for number in range(2):
        folder, began = place / f"whole-{number}", time.monotonic()
        if end(begin(work.words, folder, data(folder))):
            raise SystemExit(f"{' '.join(work.words)} failed: {folder / 'log'}")
        seconds = time.monotonic() - began
        whole.append(work.result(folder))
    varying = differences(*whole)
    print(f"{name}: {seconds:.1f} s whole, {len(whole[0])} parts of the result compared", end="")
    print(f", {len(varying)} that vary by themselves: {', '.join(varying)}" if varying else "", flush=True)
    well = 0
    for number in range(kills):
        folder, moment = place / f"killed-{number}", draw.uniform(0, seconds)
        process = begin(work.words, folder, data(folder))
        time.sleep(moment)
        kill(process, alone=name == "sweep" and number % 2 == 0)
        given = 1
        while code := end(begin(work.again(folder) or work.words, folder, data(folder))):
            if given == TRIES:
                break
            given += 1
            time.sleep(1)
        found = work.result(folder) if not code else {}
        wrong = [part for part in differences(whole[0], found) if part not in varying]
        left = [str(path.relative_to(folder)) for path in folder.rglob(".*-*") if path.is_file()]
        bad = bool(code or wrong or left)
        came = (
            f"exit {code}, {len(wrong)} differ {wrong[:4]}, left behind {left}; {folder}"
            if bad
            else "the same"
        )
        print(f"  killed after {moment:.2f} s, given again {given} times: {came}", flush=True)
        well += not bad
        if not bad:
            shutil.rmtree(folder)
    print(f"  {well} of {kills} kills: the same result", flush=True)
    return well == kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", choices=[*WORKS, []], help="default: all")
    parser.add_argument("--kills", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, place = random.Random(options.seed), Path(tempfile.mkdtemp(prefix="kills-"))
    with mirror() as address:
        well = []
        for name in options.works or WORKS:
            work = WORKS[name]
            words = tuple(address if word == "MIRROR" else word for word in work.words)
            made = Work(words, work.result, work.before, work.again)
            well.append(hurt(name, made, options.kills, draw, place / name))
    if not all(well):
        raise SystemExit(1)
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
