"""Time and memory of a training step and of inference: python tests/benchmarks/training_step.py.

Clouds are random ellipsoids, whose neighbourhoods are about as full as those of real shapes. Medians of
nine runs after a first that compiles. Peak memory is the process's, less what it held before the first
step. With --profile, the operations that take the most time.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import torch

from kg.config import preset
from kg.devices import choose_device, describe
from kg.model.keygrid import KeyGrid
from kg.model.losses import farthest_point_loss, similarity_loss
from kg.train.loop import make_optimizer

RUNS = 9


def ellipsoids(batch: int, points: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(batch, points, 3, generator=generator)
    axes = 0.3 + 0.7 * torch.rand(batch, 1, 3, generator=generator)
    return directions / directions.norm(dim=2, keepdim=True) * axes


def median(call: Callable[[], None], device: torch.device) -> float:
    call()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def peak(device: torch.device) -> float:
    """Return the most memory held so far, GiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = choose_device()
    config = preset("kg")
    torch.manual_seed(0)
    model = KeyGrid(config.model).to(device)
    optimizer = make_optimizer(model, config.train)
    points = ellipsoids(options.batch, options.points).to(device)
    before = peak(device)

    def step() -> None:
        found = model.train()(points)
        loss = farthest_point_loss(found.keypoints, points, config.train.farthest)
        loss = loss + similarity_loss(found.reconstruction, points)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def infer(count: int) -> None:
        model.eval()(points[:count], reconstruct=False)

    result = {
        "device": describe(device),
        "batch": options.batch,
        "points": options.points,
        "inference_1_s": median(lambda: infer(1), device),
        "inference_s": median(lambda: infer(options.batch), device),
        "inference_peak_gib": peak(device) - before,
        "training_step_s": median(step, device),
        "training_peak_gib": peak(device) - before,
    }
    print(json.dumps(result, indent=2))
    if options.profile:
        with torch.profiler.profile() as profile:
            step()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))


if __name__ == "__main__":
    main()
