"""Work that a GPU does again and again, recorded once (CUDA graphs)."""

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from kg.errors import KgError

T = TypeVar("T")
Inputs = Any
"""A tensor, or a named tuple of tensors and Nones."""


@dataclass(frozen=True, eq=False)
class _Recording(Generic[T]):
    """What a GPU repeats by itself: what it reads and what it leaves."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    result: T


class Recorder(Generic[T]):
    """Does work on clouds, on a GPU in a tenth of the time from the third call on.

    A step of training is two thousand short kernels, which Python lays out ten times more slowly than they
    run. So the first call of a kind (the clouds' shape, and how) lays them out, the second records them as
    a CUDA graph, and from then on that is replayed: the same kernels, with random numbers of its own. On a
    CPU, where work cannot be recorded, and with KG_RECORD=0, every call lays it out.

    Args:
        work: Called with clouds (B, N, 3), or a named tuple of tensors and Nones, and what else decides what
            is done. What it changes, weights
            for instance, it changes in place.
        device: Where the clouds are.
        recordable: No shape within depends on a value, no value is read, nothing is copied from the CPU, and
            what is random is drawn on the device.
    """

    def __init__(self, work: Callable[..., T], device: torch.device, recordable: bool) -> None:
        self._work = work
        recordable = recordable and device.type == "cuda" and os.environ.get("KG_RECORD") != "0"
        self._stream: Any = torch.cuda.Stream(device) if recordable else None  # type: ignore[no-untyped-call]
        self._kinds: dict[Hashable, _Recording[T] | None] = {}

    def __call__(self, inputs: Inputs, *how: Hashable) -> T:
        """Return what the work returns for its inputs; the next call may overwrite its tensors.

        Raises:
            KgError: The work cannot be recorded after all.
        """
        if self._stream is None:
            return self._work(inputs, *how)
        kind = tuple(each.shape for each in _tensors(inputs)), how
        if kind not in self._kinds:
            # This compiles, and makes what outlives a call.
            self._kinds[kind] = None
            with self._aside():
                return self._work(inputs, *how)
        recording = self._kinds[kind]
        if recording is None:
            recording = self._kinds[kind] = self._record(inputs, *how)
        for destination, source in zip(recording.inputs, _tensors(inputs), strict=True):
            destination.copy_(source)
        recording.graph.replay()
        return recording.result

    def _record(self, inputs: Inputs, *how: Hashable) -> _Recording[T]:
        graph, own = torch.cuda.CUDAGraph(), _empty(inputs)
        # What is recorded needs its memory only while it is replayed, so that all can share it.
        pool = next((other.graph.pool() for other in self._kinds.values() if other), None)
        try:
            with (
                torch.cuda.device(self._stream.device),
                torch.cuda.graph(graph, pool=pool, stream=self._stream),
            ):
                result = self._work(own, *how)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise KgError(
                f"The GPU's work cannot be recorded: {str(error).partition(chr(10))[0]}",
                "KG_RECORD=0 does without, many times slower.",
            ) from error
        return _Recording(graph, _tensors(own), result)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Work on the stream that is recorded from: gradients must not have been on another before."""
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)


def _tensors(inputs: Inputs) -> list[Tensor]:
    return [inputs] if isinstance(inputs, Tensor) else [each for each in inputs if each is not None]


def _empty(inputs: Inputs) -> Inputs:
    if isinstance(inputs, Tensor):
        return torch.empty_like(inputs)
    return type(inputs)(*(None if each is None else torch.empty_like(each) for each in inputs))
