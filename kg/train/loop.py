"""The training loop."""

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from kg.config import Config, TrainConfig
from kg.config.stores import name_stores, open_named
from kg.data.batches import consecutive, shuffled, shuffled_batches, step_seed
from kg.data.lock import holding
from kg.data.split import SPLITS
from kg.data.store import SplitBy, Store
from kg.devices import peak_memory
from kg.errors import KgError
from kg.model.checkpoint import BEST, LAST, begin_with, checkpoints, load_checkpoint, save_checkpoint
from kg.model.choosing import LEAST, choose_found
from kg.model.chosen import Chosen
from kg.model.detector import Batch, Candidate, check_points
from kg.model.making import make_detector
from kg.model.tensors import SUFFIX
from kg.ops.recording import Recorder
from kg.train.augment import augment, normalised_batch
from kg.train.copying import RunCopy
from kg.train.environment import environment
from kg.train.log import Log
from kg.train.memory import require_memory
from kg.train.runs import CANDIDATES, read_environment, write_json
from kg.train.step import ALONE, Metrics, Step
from kg.train.supply import Selection, supply
from kg.train.teacher import Teacher
from kg.train.team import Team

SAVED_EVERY = 10.0
"""Seconds between checkpoints, at least: on a GPU an epoch may take less than to write one."""
LOOKED_AT = 128
"""Clouds that keypoints are chosen by, at most."""
NAMED = 3
"""So many stores a line names one by one."""


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
class Started:
    """What a training is about to do: known when its data and network are there."""

    store: str
    train_shapes: int
    val_shapes: int
    parameters: int
    epochs_done: int
    keypoints: int


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
    candidates: list[Candidate] = field(default_factory=list)
    """What K was chosen among, where it was chosen in this call; none where fewer than two were of use."""


class Interrupted(KeyboardInterrupt):
    """The training was asked to stop and has saved itself; `--resume` goes on from there."""


def train(
    config: Config,
    run: Path,
    device: torch.device,
    *,
    resume: bool = False,
    fitting: Callable[[int], None] = lambda shapes: None,
    begin: Callable[[Started], None] = lambda started: None,
    report: Callable[[Progress], None] = lambda progress: None,
    team: Team = ALONE,
    copy: RunCopy | None = None,
) -> Summary:
    """Train a detector in its run folder, from the start or from the folder's last checkpoint.

    Everything random in a step follows from (seed, epoch, step), so a resumed training ends with the
    same weights as one that was never interrupted, on the same CPU with as many threads; on a GPU sums are
    atomic, in an order that varies.

    Args:
        config: What to train on what; of a run that is resumed only the epochs differ from what it has.
        run: The run folder.
        device: Where.
        resume: Continue from the last checkpoint.
        fitting: Called before a detector without steps is fitted to so many shapes, which may take minutes.
        begin: Called before the first step.
        report: Called after each step and each epoch.
        team: The processes that train together; each calls this, with the same arguments but for the device.
            Each takes its share of every batch, in the order of a training alone, and gradients are those of
            the whole batch; batch norm sees a share. The first alone writes to the run folder.
        copy: The copy of the run folder, kept up with it.

    Raises:
        KgError: The store is gone, has changed, or has no training shapes; the memory is too small; every
            loss is off; one is not finite; the run has more epochs already; or another process trains in this
            folder.
        Interrupted: Ctrl-C or SIGTERM came; the last checkpoint holds everything up to the last whole step.
    """
    stores = open_named(config.data, "this run began")
    config = replace(config, data=name_stores(stores, config.data.split_by))
    started = time.monotonic()
    fit = not resume or not checkpoints(run, LAST)
    training = _Training(config, run, device, stores, fitting=fitting if fit else None, team=team)
    if team.leads and not resume:
        _warn_of_no_test(stores, config.data.split_by)
    with (
        nullcontext() if copy is None else closing(copy),
        _alone(run) if team.leads else nullcontext(),
        _stop_requests() as stop,
    ):
        if resume:
            training.restore()
            _check_epochs(training)
            if team.leads:
                write_json(run / "config.json", config.to_dict())
        team.copy_first(training.model)
        if training.candidates and team.leads:
            write_json(run / "config.json", training.config.to_dict())
            training.write_candidates()
        if team.leads:
            _note_environment(run, device, resume, team)
        begin(
            Started(
                store=named_stores(stores),
                train_shapes=len(training.clouds),
                val_shapes=len(training.unseen),
                parameters=sum(each.numel() for each in training.model.parameters()),
                epochs_done=training.epoch,
                keypoints=training.config.model.keypoints,
            )
        )
        with Log(run, training.epoch, training.entry) if team.leads else nullcontext() as log:
            try:
                while training.epoch < config.train.epochs:
                    entry = training.run_epoch(stop, report)
                    if log is not None:
                        log.write(entry)
                    report(Progress(training.epoch, config.train.epochs, 0, 0, entry["loss"], entry))
                    if copy is not None:
                        copy.update()
            finally:
                training.save_best()
    return Summary(
        run=run,
        epochs=training.epoch,
        train_shapes=len(training.clouds),
        val_shapes=len(training.unseen),
        seconds=time.monotonic() - started,
        best_epoch=int(training.best.get("epoch", 0)),
        best=training.best,
        candidates=training.candidates,
    )


def _warn_of_no_test(stores: Sequence[Store], by: SplitBy) -> None:
    """Say before a training, not after it, that nothing will be left to measure it on."""
    if not any((store.splits(by) == SPLITS.index("test")).any() for store in stores):
        other = ", or train with --split-by frame" if by == "object" else ""
        warnings.warn(
            f"{named_stores(stores)} has no test split, by {by}: kg predict and kg eval will have nothing to "
            f"measure on but --split train. Prepare more objects{other}.",
            stacklevel=3,
        )


def _check_epochs(training: "_Training") -> None:
    begun, epochs = training.epoch + bool(training.step), training.config.train.epochs
    if begun > epochs:
        raise KgError(
            f"{training.run} is in epoch {begun} already; it cannot end after {epochs}.",
            f"Name {begun} epochs or more, or start a new run.",
        )


def named_stores(stores: Sequence[Store]) -> str:
    """Return what a line calls the stores of a training: a few by their names, many by what is in them."""
    if len(stores) <= NAMED:
        return " + ".join(store.name for store in stores)
    categories, variants = (
        sorted({getattr(store, of) for store in stores}) for of in ("category", "variant")
    )
    return f"{len(stores)} stores: {', '.join(categories)}; {', '.join(variants)}"


def _note_environment(run: Path, device: torch.device, resume: bool, team: Team) -> None:
    """Write what a run begins on; what it is resumed on, and by which command, comes below that."""
    begun, now = read_environment(run) if resume else {}, environment(device)
    if team.count > 1:
        now["workers"] = team.count
    if begun:
        begun.setdefault("resumed", []).append(now)
    write_json(run / "environment.json", begun or now)


class _Training:
    """The state of one training: where it stands is (epoch, step), whole steps only."""

    def __init__(
        self,
        config: Config,
        run: Path,
        device: torch.device,
        stores: Sequence[Store],
        *,
        fitting: Callable[[int], None] | None,
        team: Team,
    ) -> None:
        self.config, self.run, self.device, self.team = config, run, device, team
        by, how = config.data.split_by, config.model.normalisation

        require_memory(config, device)
        torch.manual_seed(config.train.seed)
        self.model = make_detector(config.model, config.train).to(device)
        self.model.check()
        if team.count > 1 and self.model.needs_sequences:
            raise KgError(
                f"The detector {config.model.detector} compares the frames of a batch with each other.",
                "Train it in one process: leave out --gpus, or torchrun.",
            )
        taught = self.model.needs_rest or self.model.needs_sequences or self.model.needs_teacher
        if config.train.choose_keypoints and taught and not self.model.chooses:
            raise KgError(
                f"How many keypoints the detector {config.model.detector} has cannot be chosen.",
                "Name a number: --keypoints 8; or take one of rigid shapes: --detector key-grid",
            )
        teacher = Teacher.load(Path(config.train.teacher), device) if config.train.teacher else None
        if self.model.needs_teacher and teacher is None:
            raise KgError(
                f"The detector {config.model.detector} learns from another detector's keypoints.",
                "Name one that is trained on shapes in their category's pose: kg train --teacher RUN",
            )
        names, points = config.model.categories, config.train.points
        self.clouds = supply(stores, Selection("train", by, points, how, names, teacher), device)
        listed, examples = self.clouds.listed, self.clouds.examples
        if not len(self.clouds):
            raise KgError(f"{stores[0].name} has no shapes to train on.", "Prepare more shapes: kg prepare")
        if self.model.needs_rest and examples.rest is None:
            lacking = next(store.name for store in stores if not store.has_rest_positions)
            raise KgError(
                f"The detector {config.model.detector} learns from places at rest, which {lacking} lacks.",
                "Deform meshes (kg prepare --deform fold), or prepare a folder of poses with the same faces.",
            )
        if self.model.needs_sequences and len(set(listed.objects)) == len(listed.objects):
            raise KgError(
                f"The detector {config.model.detector} learns from sequences, and {stores[0].name} has none.",
                "Deform meshes (kg prepare --deform fold), or prepare a folder of poses.",
            )
        check_points(self.model, f"{config.model.detector} over {config.model.backbone}", config.train.points)
        self.unseen = supply(stores, Selection("val", by, points, how, names, teacher), device)
        size = config.train.batch_size
        self.runs: list[Tensor] | None = None
        self.candidates: list[Candidate] = []
        self.val_batches = list(torch.split(torch.arange(len(self.unseen)), size))
        if self.model.needs_sequences:
            self.runs = consecutive(listed.objects, listed.frames, size)
            self.val_batches = consecutive(self.unseen.listed.objects, self.unseen.listed.frames, size)
        if fitting is not None:
            if not self.model.has_steps:
                fitting(len(self.clouds))
            if config.train.init:
                begin_with(self.model, Path(config.train.init))
            if config.train.choose_keypoints and self.model.chooses:
                self.candidates = self.model.choose(examples, self.unseen.examples)
                count = sum(each.kept for each in self.candidates)
                self.config = replace(config, model=replace(config.model, keypoints=count))
            else:
                self.model.fit(examples)
            if teacher is not None:
                self.model.follow_teacher(teacher.model, teacher.config, examples)
        self.weights = self.model.draw(listed)
        self.steps = Step(self.model, config.train, team)
        self.validation = Recorder(self._losses, device, self.model.recordable)
        self._terms: list[tuple[str, float]] = []
        self.epoch, self.step = 0, 0
        self.sums: Metrics = {}
        self.entry: Metrics = {}
        self.best: Metrics = {}
        self.better: dict[str, Tensor] | None = None
        self.chosen: tuple[int, ...] = ()
        self.saved = -math.inf

    def restore(self) -> None:
        """Continue from the last checkpoint, if the run got as far as writing one."""
        files = checkpoints(self.run, LAST)
        if not files:
            return
        checkpoint = load_checkpoint(files[0], self.device)
        state = checkpoint.training
        self.steps.shown.load_state_dict(checkpoint.model.state_dict())
        self.model.load_state_dict(state.get("model", checkpoint.model.state_dict()))
        self.steps.load(state["optimizer"])
        self.epoch, self.step = checkpoint.epoch, state["step"]
        self.sums, self.best = state["sums"], state["best"]
        self.entry = state.get("entry", {})

    def save(self) -> None:
        """Write the checkpoint from which the training goes on, and what comes before it."""
        if not self.team.leads:
            return
        self.save_best()
        state = {
            "optimizer": self.steps.optimizer.state_dict(),
            "step": self.step,
            "sums": self.sums,
            # A kill comes between a checkpoint and its line in the log: the line is in both.
            "entry": self.entry,
            "best": self.best,
        }
        shown = self.steps.shown
        if shown is not self.model:
            state["model"] = self.model.state_dict()
        save_checkpoint(self.run / f"{LAST}{SUFFIX}", shown.state_dict(), self.config, self.epoch, state)
        self.saved = time.monotonic()

    def save_best(self) -> None:
        """Write the best checkpoint, where there is a better one than the run has."""
        if self.better is not None and self.team.leads:
            path, config = self.run / f"{BEST}{SUFFIX}", self.config
            if self.chosen:
                self.better = Chosen.state_of(self.better)
                config = replace(config, model=replace(config.model, chosen=self.chosen))
                self.write_candidates()
            save_checkpoint(path, self.better, config, int(self.best["epoch"]), {})
            self.better = None

    def write_candidates(self) -> None:
        """Write what keypoints were chosen among."""
        write_json(self.run / CANDIDATES, [asdict(each) for each in self.candidates])

    def run_epoch(self, stop: threading.Event, report: Callable[[Progress], None]) -> Metrics:
        """Do what is left of the current epoch, validate, save, and return the epoch's metrics."""
        options = self.config.train
        began = time.monotonic()
        count, batches = len(self.clouds), list[Tensor]()
        if self.model.has_steps:
            batches = (
                shuffled_batches(count, options.batch_size, options.seed, self.epoch, self.weights)
                if self.runs is None
                else shuffled(self.runs, options.seed, self.epoch)
            )
        left = batches[self.step :]
        for rows, batch in zip(left, self.clouds.batches(left), strict=True):
            if self.team.any(stop.is_set()):
                self._share_buffers()
                self.save()
                raise Interrupted
            losses = self._step(batch, len(batches))
            for name, value in losses.items():
                self.sums[name] = self.sums.get(name, 0.0) + value * len(rows)
            self.step += 1
            report(Progress(self.epoch, options.epochs, self.step, len(batches), losses["loss"]))
        entry: Metrics = {"epoch": self.epoch + 1, "loss": 0.0}
        entry |= {name: total / count for name, total in self.sums.items()}
        if self.step:
            entry["learning_rate"] = learning_rate(options, self.epoch + (self.step - 1) / self.step)
        self._share_buffers()
        entry |= self._validate()
        entry["seconds"] = time.monotonic() - began
        entry["memory"] = peak_memory(self.device)
        self.epoch, self.step, self.sums, self.entry = self.epoch + 1, 0, {}, entry
        better = not self.best or _badness(entry) <= _badness(self.best)
        if len(self.unseen) and (better or self.epoch == options.epochs):
            with torch.no_grad():
                self.steps.shown.eval().calibrate(self._normalised(self.unseen.some()))
        if better:
            self.best = entry
            self.better = {name: value.clone() for name, value in self.steps.shown.state_dict().items()}
            if options.choose_keypoints and not self.model.chooses:
                self._choose()
        if self.epoch == options.epochs or time.monotonic() - self.saved >= SAVED_EVERY:
            self.save()
        return entry

    def _step(self, whole: Batch, steps: int) -> Metrics:
        options = self.config.train
        torch.manual_seed(step_seed(options.seed, self.epoch, self.step + 1))
        rate = learning_rate(options, self.epoch + self.step / steps)
        batch = augment(whole, options, self.config.model.normalisation)
        number = self.epoch * steps + self.step
        own, share = self.team.share(len(whole.points))
        if self.team.count > 1:
            # All have changed the whole batch alike; what is random from here on is each one's own.
            batch = batch.rows(own)
            torch.manual_seed(step_seed(options.seed, self.epoch, self.step + 1) + 1 + self.team.rank)
        values = self.steps.run(batch, rate, self.model.stage(self.epoch), number, share)
        if not math.isfinite(values["loss"]):
            raise KgError(
                f"The loss became {values['loss']} in epoch {self.epoch + 1}, step {self.step + 1}.",
                "Lower the learning rate: --set learning_rate=..., in a new run.",
            )
        return values

    @torch.no_grad()
    def _choose(self) -> None:
        """Choose among the keypoints that are found now in validation clouds, or in those of the training."""
        model = self.steps.shown.eval()
        clouds = self._normalised((self.unseen if len(self.unseen) > 1 else self.clouds).some()).points
        rows = torch.linspace(0, len(clouds) - 1, min(len(clouds), LOOKED_AT)).round().long()
        clouds = clouds[rows.to(clouds.device)]
        keypoints = [model.find(part).keypoints for part in torch.split(clouds, self.config.train.batch_size)]
        choice = choose_found(clouds, torch.cat(keypoints))
        enough = len(choice.kept) >= LEAST
        self.chosen = tuple(choice.kept) if enough else ()
        self.candidates = choice.candidates if enough else []

    def _share_buffers(self) -> None:
        """Let running moments be the mean of the team's."""
        self.team.mean_buffers(self.model)
        if self.steps.shown is not self.model:
            for mine, theirs in zip(self.steps.shown.buffers(), self.model.buffers(), strict=True):
                mine.copy_(theirs)

    def _losses(self, batch: Batch) -> Tensor:
        """Return the values of the validation losses of a batch."""
        terms = self.steps.shown.validation_losses(batch)
        self._terms = [(name, weight) for name, (weight, _) in terms.items()]
        return torch.stack([value for _, value in terms.values()])

    def _normalised(self, batch: Batch) -> Batch:
        """Return a batch as the detector sees clouds; by their range they are read."""
        how = self.config.model.normalisation
        return batch if how == "range" else normalised_batch(batch, how)

    @torch.no_grad()
    def _validate(self) -> Metrics:
        """Return the losses on the validation shapes, evaluated as a user's shapes would be."""
        count = len(self.unseen)
        if not count or not self.model.has_steps:
            return {}
        self.steps.shown.eval()
        sums: Metrics = {}
        for each in self.unseen.batches(self.val_batches[self.team.rank :: self.team.count]):
            batch = self._normalised(each)
            losses = self.validation(batch).tolist()
            for (name, _), loss in zip(self._terms, losses, strict=True):
                sums[name] = sums.get(name, 0.0) + loss * len(batch.points)
        parts = self.team.gather((sums, self._terms))
        terms = next(terms for _, terms in parts if terms)
        means = {name: sum(part.get(name, 0.0) for part, _ in parts) / count for name, _ in terms}
        # One that is off may be no number, and 0 times that is none either.
        total = sum((weight * means[name] for name, weight in terms if weight), 0.0)
        return {"val_loss": total, **{f"val_{name}": mean for name, mean in means.items()}}


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
    floor, rise = 0.01, 0.05
    progress = min(1.0, epoch / options.epochs)
    if options.schedule == "one-cycle":
        if progress < rise:
            return options.learning_rate * (floor + (1 - floor) * progress / rise)
        progress = (progress - rise) / (1 - rise)
    return options.learning_rate * (floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2)


@contextmanager
def _alone(run: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; the system takes the lock away from one that dies."""

    def taken() -> None:
        raise KgError(f"Another process trains in {run}.", "Wait for it, or stop it first.") from None

    with holding(run / ".lock", taken):
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
