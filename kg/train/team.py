"""Several processes that train one detector, each on its share of every batch.

Whatever starts them tells each its place by the variables that `torchrun` sets: RANK, WORLD_SIZE, LOCAL_RANK,
MASTER_ADDR, MASTER_PORT.
"""

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from kg.devices import choose_device
from kg.errors import KgError

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""So long the others wait for one of them: the first may have a store to prepare."""


class LostError(KgError):
    """Another process of the team has gone."""

    def __init__(self) -> None:
        super().__init__(
            "Another worker of this training has ended.",
            "What it said stands above. Go on from the last checkpoint: kg train --resume RUN",
        )


@dataclass(frozen=True)
class Team:
    """The processes of a training, and which of them this one is; one that is alone has nothing to wait for.

    Attributes:
        rank: Of this process; the first, 0, leads: it alone writes, and says anything.
        count: Of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, size: int) -> tuple[slice, float]:
        """Return which clouds of a batch are this process's, and how much their mean counts in the batch's.

        Shares are equal to within a cloud. A batch of fewer clouds than processes is everybody's.
        """
        if size < self.count:
            return slice(size), 1 / self.count
        first, last = (size * place // self.count for place in (self.rank, self.rank + 1))
        return slice(first, last), (last - first) / size

    def add(self, tensors: Sequence[Tensor], share: float) -> None:
        """Replace tensors by the sum over all processes, each one's times its share."""
        if self.count == 1 or not tensors:
            return
        # In one message: hundreds of small ones would each wait for the slowest.
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).mul_(share)
        with _others():
            dist.all_reduce(flat)
        for tensor, total in zip(
            tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True
        ):
            tensor.copy_(total.view_as(tensor))

    def mean_buffers(self, model: nn.Module) -> None:
        """Give all processes the mean of each one's running moments, and whatever else is no parameter."""
        self.add([buffer for buffer in model.buffers() if buffer.is_floating_point()], 1 / self.count)

    def copy_first(self, model: nn.Module) -> None:
        """Give all processes the model of the first."""
        for tensor in model.state_dict().values() if self.count > 1 else ():
            with _others():
                dist.broadcast(tensor, 0)

    def any(self, vote: bool) -> bool:
        """Tell whether any process says so."""
        if self.count == 1:
            return vote
        votes = torch.tensor([int(vote)])
        with _others():
            dist.all_reduce(votes)
        return bool(votes.item())

    def gather(self, value: T) -> list[T]:
        """Return what each process has, in order."""
        if self.count == 1:
            return [value]
        gathered: list[Any] = [None] * self.count
        with _others():
            dist.all_gather_object(gathered, value)
        return gathered

    def first(self, work: Callable[[], T]) -> T:
        """Have the first process do some work, and return its result in all."""
        if self.count == 1:
            return work()
        result: list[Any] = [work() if self.leads else None]
        with _others():
            dist.broadcast_object_list(result, 0)
        return result[0]  # type: ignore[no-any-return]


def place() -> tuple[int, int, int] | None:
    """Return rank, number of processes and rank on this machine, as they were told; None for one alone."""
    variables = [os.environ.get(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")]
    if None in variables or variables[1] == "1":
        return None
    rank, count, local = (int(text or 0) for text in variables[:3])
    return rank, count, local


def own_device(gpu: int | None = None, cpu: bool = False) -> torch.device:
    """Return the device of this process: as `choose_device` does, and on several GPUs each its own.

    Raises:
        KgError: As `choose_device`.
    """
    ranks = place()
    if ranks is not None and gpu is None and not cpu and torch.cuda.is_available():
        gpu = ranks[2]
    return choose_device(gpu, cpu)


@contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """Yield the team that this process was started in, alone if it was started alone.

    Args:
        device: What this process trains on.

    Raises:
        KgError: The others cannot be reached.
    """
    ranks = place()
    if ranks is None:
        yield Team()
        return
    rank, count, _ = ranks
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # Its functions keep the group of the moment as a default value. An optimizer imports it: once there is a
    # group, that keeps it alive, and its threads end the process with SIGABRT, at times, when Python ends.
    importlib.import_module("torch.distributed.nn.functional")
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError, OSError) as error:
        raise KgError(
            f"Worker {rank} of {count} cannot reach the others: {str(error).partition(chr(10))[0]}",
            "Start all of them, with torchrun or kg train --gpus 0,1.",
        ) from error
    yield Team(rank, count)
    # After an error the others may be gone: to take leave of them could take for ever.
    dist.destroy_process_group()


@contextmanager
def _others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostError from error
