"""The workers of a training on one machine, started together and ended together."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kg.errors import KgError

KG = (sys.executable, "-P", "-c", "from kg.cli import main; main()")
"""This very `kg`, whatever else is installed, or lies in the folder where the user works."""
LAUNCHED = "KG_LAUNCHED"
"""Set for workers that `launch` started: it says why they ended, so that they need not."""
LOST = 75
"""Exit code of a worker that ended because another had."""
GRACE = 10.0
"""Seconds in which workers end by themselves once one has failed."""
PAUSE = 0.1


def launch(words: Sequence[str], devices: Sequence[Sequence[str]]) -> int:
    """Run `kg` with these words in a worker a device, and return the exit code of the first.

    The first worker's output is ours. Ctrl-C reaches all of them, and SIGTERM is passed on: they save
    themselves.

    Args:
        words: What `kg` is told.
        devices: What each worker is told besides: ["--gpu", "0"], ["--gpu", "1"].

    Raises:
        KgError: A worker that is not the first failed or was killed; the others were ended.
    """
    with tempfile.TemporaryDirectory(prefix="kg-") as folder:
        logs = [Path(folder) / f"{rank}.log" for rank in range(len(devices))]
        port = _free_port()
        workers = [
            _start([*words, *device], rank, len(devices), port, log)
            for rank, (device, log) in enumerate(zip(devices, logs, strict=True))
        ]
        with _passing_on(workers):
            try:
                _wait(workers)
            finally:
                for worker in workers:
                    worker.kill()
                    worker.wait()
        codes = [worker.returncode for worker in workers]
        if 130 in codes:
            return 130
        for rank, code in enumerate(codes):
            if code in (0, LOST) or (rank == 0 and code > 0):
                continue
            raise KgError(
                f"Worker {rank} of {len(workers)} {_how(code, logs[rank])}",
                "Go on from the last checkpoint: kg train --resume latest",
            )
        return codes[0]


def _start(words: Sequence[str], rank: int, count: int, port: int, log: Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        LAUNCHED: "1",
    }
    if rank == 0:
        return subprocess.Popen([*KG, *words], stdin=subprocess.DEVNULL, env=environment)
    with log.open("w") as file:
        return subprocess.Popen(
            [*KG, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, env=environment
        )


def _wait(workers: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Return when all have ended, or one has failed and the others had time to notice."""
    deadline = None
    while any(worker.poll() is None for worker in workers):
        if deadline is None and any(worker.returncode not in (None, 0, 130) for worker in workers):
            deadline = time.monotonic() + GRACE
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(PAUSE)


def _how(code: int, log: Path) -> str:
    """Return how a worker ended."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    if errors := re.findall(r"^error (.+)$", text, re.MULTILINE):
        return f"failed: {errors[-1]}"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}; it may have run out of memory."
    return f"ended with exit code {code}."


@contextmanager
def _passing_on(workers: "Sequence[subprocess.Popen[bytes]]") -> Iterator[None]:
    """Leave Ctrl-C to the workers, whom it reaches as well, and pass SIGTERM on to them."""

    def terminate(number: int, frame: FrameType | None) -> None:
        for worker in workers:
            worker.terminate()

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
