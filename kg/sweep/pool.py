"""Several trainings side by side, each in a process of its own, one a GPU or a group of cores."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kg.sweep.plan import Job
from kg.sweep.state import is_trained, keep_measured, measured

KG = (sys.executable, "-P", "-c", "from kg.cli import main; main()")
"""This very `kg`, whatever else is installed, or lies in the folder where the user works."""

Starter = Callable[..., "Process"]
PAUSE = 0.2
"""Seconds between two looks at the processes."""


@dataclass(frozen=True)
class Slot:
    """A place for one process: a GPU, or None for the CPU, and threads of the CPU."""

    gpu: int | None
    threads: int

    def words(self) -> list[str]:
        """Return the device as `kg` is told it."""
        return ["--cpu"] if self.gpu is None else ["--gpu", str(self.gpu)]


def make_slots(count: int | None, gpus: Sequence[int], cores: int, jobs: int) -> list[Slot]:
    """Share a machine out.

    Args:
        count: Processes at a time; by default one a GPU, or one for two cores: two threads are 1.5 times
            as fast as one, and a process needs 1.6 GiB.
        gpus: Numbers of the GPUs; none for the CPU.
        cores: Of the CPU.
        jobs: How many there are to do.
    """
    most = count or len(gpus) or cores // 2
    together = max(1, min(most, jobs))
    threads = max(1, cores // together)
    return [Slot(gpus[number % len(gpus)] if gpus else None, threads) for number in range(together)]


class Process(Protocol):
    """What is asked of a process, here or on another machine."""

    returncode: Any

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def send_signal(self, number: int, /) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self) -> int:
        """Return its exit code when it has ended."""


@dataclass
class Running:
    """A training that is going on."""

    job: Job
    slot: Slot
    process: "Process"
    measuring: bool = False
    began: float = field(default_factory=time.monotonic)


class Pool:
    """Does trainings, and measures each.

    A process that ends badly is remembered in `failed`, with its reason, and the others go on. Ctrl-C, or
    SIGTERM, has all of them save themselves; a second one stops them at once.

    Args:
        slots: Where.
        measure: The words that measure a run, to `kg`, less the run and the device.
        on_look: Called with what is running, several times a second.
        on_end: Called with each training that has ended, and why it failed or None.
        on_stop: Called with how many are waited for after Ctrl-C.
        starter: What starts a process, called as `start`; without words, to begin the training or go on
            with it.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        measure: Sequence[str],
        on_look: Callable[[list[Running]], None] = lambda running: None,
        on_end: Callable[[Running, str | None], None] = lambda running, reason: None,
        on_stop: Callable[[int], None] = lambda count: None,
        starter: "Starter | None" = None,
    ) -> None:
        self.slots, self.measure, self._start = list(slots), measure, starter or start
        self.on_look, self.on_end, self.on_stop = on_look, on_end, on_stop
        self.failed: dict[Job, str] = {}
        self._running: list[Running] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Do what is left of the jobs: train the unfinished, measure the unmeasured.

        Raises:
            KeyboardInterrupt: It was asked to stop; everything is saved.
        """
        waiting, free = list(jobs), list(self.slots)
        with _interruptible():
            try:
                while waiting or self._running:
                    while waiting and free:
                        self._begin(waiting.pop(0), free.pop(0))
                    self.on_look(self._running)
                    time.sleep(PAUSE)
                    for ended in [one for one in self._running if one.process.poll() is not None]:
                        self._running.remove(ended)
                        if not self._goes_on(ended):
                            free.append(ended.slot)
            except BaseException:
                # Whatever ended this, hours of training are not to be lost by it.
                self.on_stop(len(self._running))
                self._ask_to_stop()
                raise
            finally:
                for one in self._running:
                    one.process.kill()
                    one.process.wait()

    def _begin(self, job: Job, slot: Slot) -> None:
        if is_trained(job):
            self._measure(job, slot)
        else:
            self._running.append(Running(job, slot, self._start(job, slot, None, "w")))

    def _measure(self, job: Job, slot: Slot) -> None:
        words = [*self.measure[:1], str(job.folder), *self.measure[1:]]
        self._running.append(Running(job, slot, self._start(job, slot, words, "a", answer_file(job)), True))

    def _goes_on(self, ended: Running) -> bool:
        """Take note of a process that ended; tell whether another one follows in its slot."""
        job, code = ended.job, ended.process.returncode
        reason = None if code == 0 else _reason(job, code)
        if reason is None and not ended.measuring and measured(job, self.measure) is None:
            self._measure(job, ended.slot)
            return True
        if reason is None and ended.measuring:
            keep_measured(job, self.measure, answer_file(job).read_text())
            answer_file(job).unlink()
        if reason is not None:
            self.failed[job] = reason
        self.on_end(ended, reason)
        return False

    def _ask_to_stop(self) -> None:
        # A second Ctrl-C ends the wait, and then the processes.
        with suppress(KeyboardInterrupt):
            for one in self._running:
                one.process.send_signal(signal.SIGINT)
            for one in self._running:
                one.process.wait()


def log_file(job: Job) -> Path:
    """Return where a training's process writes what it has to say."""
    return job.sweep / "logs" / f"{job.name}.log"


def answer_file(job: Job) -> Path:
    """Return where `kg eval` prints a run's results, until they are in its folder."""
    return log_file(job).with_suffix(".json")


def start(
    job: Job,
    slot: Slot,
    words: Sequence[str] | None,
    mode: str,
    answer: Path | None = None,
    program: Sequence[str] = (),
    stdin: int = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start `kg`; Ctrl-C in the terminal reaches this process alone, which passes it on.

    Args:
        job: What for.
        slot: Where.
        words: What `kg` is told; by default to begin the training or to go on with it.
        mode: "w" to write its log anew, "a" to go on with it.
        answer: Where it prints.
        program: `kg`, if it is not this very one.
        stdin: What it reads.
    """
    log_file(job).parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "KG_RUNS": str(job.sweep),
        "OMP_NUM_THREADS": str(slot.threads),
        # An error is to be read back in one line.
        "COLUMNS": "1000",
    }
    with log_file(job).open(mode) as log, (answer or Path(os.devnull)).open("w") as printed:
        return subprocess.Popen(
            [*(program or KG), *(words or job.words()), *slot.words()],
            stdin=stdin,
            stdout=printed if answer else log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def _reason(job: Job, code: int) -> str:
    errors = re.findall(r"^error (.+)$", log_file(job).read_text(errors="replace"), re.MULTILINE)
    if errors:
        return str(errors[-1])
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return "it was interrupted" if code == 130 else f"its process ended with exit code {code}"


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM be what Ctrl-C is.

    In a script's background SIGINT is ignored, and so it would be by the processes started, which it is to
    stop: what is ignored is inherited, what has a handler, if only an idle one, is not.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
