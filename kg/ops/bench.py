"""How fast the operations are here, and what measures anything else in the same way."""

import ctypes
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg import ops
from kg.devices import forced_backend
from kg.ops.kernels import choose

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Case:
    """Something to measure.

    Attributes:
        name: For people.
        version: Of the operations in it: "in use" or a backend.
        run: Does it once.
    """

    name: str
    version: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """What a case takes.

    Attributes:
        name: Of the case.
        version: Of the case.
        seconds: Median over rounds.
        fastest: Seconds of the fastest round, which a busy machine disturbs least.
        peak_bytes: Most memory held while it ran, above what was held before; None where that cannot be
            known.
    """

    name: str
    version: str
    seconds: float
    fastest: float
    peak_bytes: int | None


def measure(
    cases: Sequence[Case], device: torch.device, rounds: int, progress: Progress = lambda done, total: None
) -> list[Measured]:
    """Run cases in turns, so that what disturbs the machine for a while disturbs all alike.

    A first run of each compiles, a second one, apart, gives its memory.

    Args:
        cases: What to measure.
        device: Where they work.
        rounds: Timed runs of each.
        progress: Called with (done, total) runs.
    """
    total, done = len(cases) * (rounds + 1), 0
    peaks, times = [], [[] for _ in cases]  # type: list[int | None], list[list[float]]
    for case in cases:
        case.run()
        peaks.append(_peak(case.run, device))
        _wait(device)
        progress(done := done + 1, total)
    for _ in range(rounds):
        for case, taken in zip(cases, times, strict=True):
            started = time.perf_counter()
            case.run()
            _wait(device)
            taken.append(time.perf_counter() - started)
            progress(done := done + 1, total)
    return [
        Measured(case.name, case.version, statistics.median(taken), min(taken), peak)
        for case, taken, peak in zip(cases, times, peaks, strict=True)
    ]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(run: Callable[[], object], device: torch.device) -> int | None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return torch.cuda.max_memory_allocated(device) - before
    if not sys.platform.startswith("linux"):
        return None
    # Linux forgets a process's peak when told to, so that each case has its own.
    ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = _resident("VmRSS")
    run()
    return max(0, _resident("VmHWM") - before)


def _resident(name: str) -> int:
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith(name + ":"):
            return int(row.split()[1]) * 1024
    raise AssertionError(f"Linux has {name}")


@contextmanager
def _kernels(name: str) -> Iterator[None]:
    before = os.environ.get("KG_KERNELS")
    os.environ["KG_KERNELS"] = name
    try:
        yield
    finally:
        os.environ.pop("KG_KERNELS")
        if before is not None:
            os.environ["KG_KERNELS"] = before


def ellipsoids(batch: int, points: int, device: torch.device) -> Tensor:
    """Return clouds (B, N, 3) of random ellipsoids, whose neighbourhoods are about as full as real ones."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(batch, points, 3, generator=generator)
    axes = 0.3 + 0.7 * torch.rand(batch, 1, 3, generator=generator)
    clouds: Tensor = directions / directions.norm(dim=2, keepdim=True) * axes
    return clouds.to(device)


def operation_cases(batch: int, points: int, keypoints: int, device: torch.device) -> list[Case]:
    """Return each public operation on clouds (B, N, 3), in the version in use.

    Where none is forced, in plain PyTorch too.
    """
    cloud = ellipsoids(batch, points, device)
    sampled = cloud[:, : max(1, points // 2)].contiguous()
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device).requires_grad_()

    members = ops.ball_query(cloud, sampled, 0.1, 32)
    features, centres, rows = draw(batch, points, 32), draw(*sampled.shape[:2], 32), draw(batch * points, 128)
    layers = [ops.Layer(draw(32), draw(32))]
    layers += [ops.Layer(draw(width), draw(width), draw(width, 32), draw(width)) for width in (32, 64)]
    norm = draw(128), draw(128)
    coarse, way = draw(*sampled.shape[:2], 128), ops.interpolation_weights(cloud, sampled)
    skeleton = draw(batch, keypoints, 3), draw(batch, keypoints * (keypoints - 1) // 2)

    def both(forward: Callable[[], Tensor]) -> Callable[[], None]:
        return lambda: forward().sum().backward()  # type: ignore[no-untyped-call]

    runs: dict[str, tuple[str, Callable[[], object]]] = {
        f"farthest points, {sampled.shape[1]}": (
            "farthest_point_sample",
            lambda: ops.farthest_point_sample(cloud, sampled.shape[1]),
        ),
        "ball query, 0.1, 32": ("ball_query", lambda: ops.ball_query(cloud, sampled, 0.1, 32)),
        "3 nearest neighbours": ("nearest_neighbours", lambda: ops.nearest_neighbours(cloud, sampled, 3)),
        "Chamfer distance and gradient": (
            "nearest_neighbours",
            both(lambda: ops.chamfer_distance(cloud.clone().requires_grad_(), cloud.flip(1))),
        ),
        "interpolation and gradient, 128": (
            "three_interpolate",
            both(lambda: ops.three_interpolate(coarse, way)),
        ),
        "skeleton heat and gradient": (
            "skeleton_heatmap",
            both(lambda: ops.skeleton_heatmap(cloud, *skeleton, sigma=0.05)),
        ),
        "norm, ReLU and gradient, 128": ("affine_relu", both(lambda: ops.batch_norm_relu(rows, *norm)[0])),
        "group MLP and gradient, 32-32-64": (
            "group_rows",
            both(lambda: ops.group_mlp_max(features, centres, members, layers)[0]),
        ),
    }

    def forced(run: Callable[[], object]) -> Callable[[], object]:
        def plain() -> None:
            with _kernels("torch"):
                run()

        return plain

    cases = []
    for name, (operation, run) in runs.items():
        backend = choose(operation, device, size=points).kernel.backend
        cases.append(Case(name, backend, run))
        if backend != "torch" and forced_backend() == "auto":
            cases.append(Case(name, "torch", forced(run)))
    return cases


def plain_values(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return results as plain values."""
    return [vars(each) for each in measured]
