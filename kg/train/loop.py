"""The training loop."""

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from kg.config import Config, TrainConfig
from kg.data.batches import shuffled_batches, step_seed, thin
from kg.data.store import Store
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint, save_checkpoint
from kg.model.keygrid import KeyGrid
from kg.model.losses import farthest_point_loss, similarity_loss
from kg.ops.precision import autocast
from kg.ops.recording import Recorder
from kg.train.environment import environment
from kg.train.log import Log
from kg.train.runs import read_environment, write_json
from kg.train.step import Metrics, Step

SAVED_EVERY = 10.0
"""Seconds between checkpoints, at least: on a GPU an epoch may take less than to write one."""


@dataclass(frozen=True)
class Progress:
    """How far a training is: called for with every step, and with `epoch_metrics` after an epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    epoch_metrics: Metrics | None = None


@dataclass(frozen=True)
class Summary:
    """What a training came to."""

    run: Path
    epochs: int
    train_shapes: int
    val_shapes: int
    seconds: float
    best_epoch: int
    best: Metrics = field(default_factory=dict)


class Interrupted(KeyboardInterrupt):
    """The training was asked to stop and has saved itself; `--resume` goes on from there."""


def train(
    config: Config,
    run: Path,
    device: torch.device,
    *,
    resume: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Train a detector in its run folder, from the start or from the folder's last checkpoint.

    Everything random in a step follows from (seed, epoch, step), so a resumed training ends with the
    same weights as one that was never interrupted, on the same CPU with as many threads; on a GPU sums are
    atomic, in an order that varies.

    Args:
        config: What to train on what; of a run that is resumed only the epochs differ from what it has.
        run: The run folder.
        device: Where.
        resume: Continue from last.pt.
        report: Called after each step and each epoch.

    Raises:
        KgError: The store is gone, has changed, or has no training shapes; every loss is off; one is not
            finite; the run has more epochs already; or another process trains in this folder.
        Interrupted: Ctrl-C or SIGTERM came; last.pt holds everything up to the last whole step.
    """
    store = Store(Path(config.data.store))
    if store.checksum != config.data.checksum:
        raise KgError(f"{store.path} has changed since this run began.", "Start a new run: kg train")
    _check_losses(config.train)
    started = time.monotonic()
    training = _Training(config, run, device, store)
    with _alone(run), _stop_requests() as stop:
        if resume:
            training.restore()
            _check_epochs(training)
            write_json(run / "config.json", config.to_dict())
        _note_environment(run, device, resume)
        with Log(run, training.epoch, training.entry) as log:
            try:
                while training.epoch < config.train.epochs:
                    entry = training.run_epoch(stop, report)
                    log.write(entry)
                    report(Progress(training.epoch, config.train.epochs, 0, 0, entry["loss"], entry))
            finally:
                training.save_best()
    return Summary(
        run=run,
        epochs=training.epoch,
        train_shapes=len(training.clouds),
        val_shapes=len(training.val_clouds),
        seconds=time.monotonic() - started,
        best_epoch=int(training.best.get("epoch", 0)),
        best=training.best,
    )


def _check_epochs(training: "_Training") -> None:
    begun, epochs = training.epoch + bool(training.step), training.config.train.epochs
    if begun > epochs:
        raise KgError(
            f"{training.run} is in epoch {begun} already; it cannot end after {epochs}.",
            f"Name {begun} epochs or more, or start a new run.",
        )


def _note_environment(run: Path, device: torch.device, resume: bool) -> None:
    """Write what a run begins on; what it is resumed on, and by which command, comes below that."""
    begun, now = read_environment(run) if resume else {}, environment(device)
    if begun:
        begun.setdefault("resumed", []).append(now)
    write_json(run / "environment.json", begun or now)


def _check_losses(options: TrainConfig) -> None:
    if not (options.similarity_weight or options.farthest_weight or options.separation_weight):
        raise KgError("Every loss has the weight 0: there is nothing to learn from.", "Leave one of them on.")
    if options.similarity_weight and options.epochs <= options.similarity_delay:
        warnings.warn(
            f"The similarity loss begins after {options.similarity_delay} epochs, so in {options.epochs} the "
            "decoder and the heatmap teach nothing; --set similarity_delay=... changes that.",
            stacklevel=3,
        )


class _Training:
    """The state of one training: where it stands is (epoch, step), whole steps only."""

    def __init__(self, config: Config, run: Path, device: torch.device, store: Store) -> None:
        self.config, self.run, self.device = config, run, device
        by = config.data.split_by

        def load(split: Any) -> Tensor:
            # A category's clouds are some hundred MB: on the device, no batch is waited for.
            return torch.from_numpy(thin(store.read(split, by).points, config.train.points)).to(device)

        self.clouds, self.val_clouds = load("train"), load("val")
        if len(self.clouds) == 0:
            raise KgError(f"{store.name} has no shapes to train on.", "Prepare more shapes: kg prepare")
        torch.manual_seed(config.train.seed)
        self.model = KeyGrid(config.model).to(device)
        self.steps = Step(self.model, config.train)
        self.validation = Recorder(self._losses, device, self.model.backbone.recordable)
        self.epoch, self.step = 0, 0
        self.sums: Metrics = {}
        self.entry: Metrics = {}
        self.best: Metrics = {}
        self.better: dict[str, Tensor] = {}
        self.saved = -math.inf

    def restore(self) -> None:
        """Continue from last.pt, if the run got as far as writing one."""
        path = self.run / "last.pt"
        if not path.is_file():
            return
        checkpoint = load_checkpoint(path, self.device)
        self.model.load_state_dict(checkpoint.model.state_dict())
        state = checkpoint.training
        self.steps.load(state["optimizer"])
        self.epoch, self.step = checkpoint.epoch, state["step"]
        self.sums, self.best = state["sums"], state["best"]
        self.entry = state.get("entry", {})

    def save(self) -> None:
        """Write last.pt, from which the training goes on, and what comes before it."""
        self.save_best()
        state = {
            "optimizer": self.steps.optimizer.state_dict(),
            "step": self.step,
            "sums": self.sums,
            # A kill comes between a checkpoint and its line in the log: the line is in both.
            "entry": self.entry,
            "best": self.best,
        }
        save_checkpoint(self.run / "last.pt", self.model.state_dict(), self.config, self.epoch, state)
        self.saved = time.monotonic()

    def save_best(self) -> None:
        """Write best.pt, where there is a better one than it has."""
        if self.better:
            save_checkpoint(self.run / "best.pt", self.better, self.config, int(self.best["epoch"]), {})
            self.better = {}

    def run_epoch(self, stop: threading.Event, report: Callable[[Progress], None]) -> Metrics:
        """Do what is left of the current epoch, validate, save, and return the epoch's metrics."""
        options = self.config.train
        began = time.monotonic()
        batches = shuffled_batches(len(self.clouds), options.batch_size, options.seed, self.epoch)
        for rows in batches[self.step :]:
            if stop.is_set():
                self.save()
                raise Interrupted
            losses = self._step(rows, len(batches))
            for name, value in losses.items():
                self.sums[name] = self.sums.get(name, 0.0) + value * len(rows)
            self.step += 1
            report(Progress(self.epoch, options.epochs, self.step, len(batches), losses["loss"]))
        entry: Metrics = {"epoch": self.epoch + 1}
        entry |= {name: total / len(self.clouds) for name, total in self.sums.items()}
        entry["learning_rate"] = learning_rate(options, self.epoch + (self.step - 1) / self.step)
        entry |= self._validate()
        entry["seconds"] = time.monotonic() - began
        self.epoch, self.step, self.sums, self.entry = self.epoch + 1, 0, {}, entry
        if not self.best or _badness(entry) <= _badness(self.best):
            self.best = entry
            self.better = {name: value.clone() for name, value in self.model.state_dict().items()}
        if self.epoch == options.epochs or time.monotonic() - self.saved >= SAVED_EVERY:
            self.save()
        return entry

    def _step(self, rows: Tensor, steps: int) -> Metrics:
        options = self.config.train
        torch.manual_seed(step_seed(options.seed, self.epoch, self.step + 1))
        rate = learning_rate(options, self.epoch + self.step / steps)
        points = self.clouds[rows.to(self.device)]
        values = self.steps.run(points, rate, similar=self.epoch >= options.similarity_delay)
        if not math.isfinite(values["loss"]):
            raise KgError(
                f"The loss became {values['loss']} in epoch {self.epoch + 1}, step {self.step + 1}.",
                "Lower the learning rate: --set learning_rate=..., in a new run.",
            )
        return values

    def _losses(self, points: Tensor) -> Tensor:
        """Return both losses of clouds (B, N, 3), (2,)."""
        options = self.config.train
        with autocast(self.device, options.precision):
            found = self.model(points, inference="soft")
        far = farthest_point_loss(found.keypoints, points, options.farthest)
        return torch.stack([far, similarity_loss(found.reconstruction, points)])

    @torch.no_grad()
    def _validate(self) -> Metrics:
        """Return both losses on the validation shapes, evaluated as a user's shapes would be."""
        if len(self.val_clouds) == 0:
            return {}
        options = self.config.train
        self.model.eval()
        far = similarity = 0.0
        for points in torch.split(self.val_clouds, options.batch_size):
            losses = self.validation(points).tolist()
            far, similarity = far + losses[0] * len(points), similarity + losses[1] * len(points)
        far, similarity = far / len(self.val_clouds), similarity / len(self.val_clouds)
        # One that is off may be no number, and 0 times that is none either.
        terms = ((options.farthest_weight, far), (options.similarity_weight, similarity))
        total = sum((weight * value for weight, value in terms if weight), 0.0)
        return {"val_loss": total, "val_farthest": far, "val_similarity": similarity}


def _badness(entry: Metrics) -> float:
    """Return the validation loss of an epoch, infinite if it is no number.

    Without validation shapes there is nothing to choose by: each epoch is as good as the ones before.
    """
    loss = entry.get("val_loss", 0.0)
    return loss if math.isfinite(loss) else math.inf


def learning_rate(options: TrainConfig, epoch: float) -> float:
    """Return the learning rate at a point of the training, in epochs done, fractions included."""
    if options.schedule == "constant":
        return options.learning_rate
    floor = 0.01
    progress = min(1.0, epoch / options.epochs)
    return options.learning_rate * (floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2)


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; the system takes the lock away from one that dies."""
    lock = FileLock(run / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise KgError(f"Another process trains in {run}.", "Wait for it, or stop it first.") from None
    with lock:
        yield


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a request that is met between two steps.

    A second Ctrl-C stops at once. Outside the main thread signals cannot be caught; the event is then
    never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
