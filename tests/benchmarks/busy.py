"""Two trainings at once on the same cores: python tests/benchmarks/busy.py [--seconds 20] [--rounds 1].

Each process has as many threads as the machine has cores, and trains for the same seconds. Once OpenMP's
threads spin while they wait (OMP_WAIT_POLICY=active), once they sleep at once (passive), and once they spin
for a moment first, as after `import kg`. One process alone says what that costs where nobody else wants the
cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import torch

from kg.devices import SPINS, cores
from kg.model.detector import Batch
from kg.model.making import make_detector
from kg.ops.bench import ellipsoids
from kg.train.bench import configure, training_step

WAYS = {
    "active": {"OMP_WAIT_POLICY": "active"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "kg": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(SPINS)},
}
"""How threads wait, by what sets it."""


def work(points: int, batch_size: int, seconds: float) -> None:
    """Train from when a line comes in, and print the seconds that a step took."""
    torch.manual_seed(0)
    config = configure(8, "key-grid")
    model = make_detector(config.model, config.train)
    step = training_step(model, Batch(ellipsoids(batch_size, points, torch.device("cpu"))), config, "fp32")
    step()  # what is compiled or allocated once
    print("ready", flush=True)
    sys.stdin.readline()
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        step()
        done += 1
    print((time.monotonic() - began) / done, flush=True)


def seconds_a_step(count: int, way: str, options: argparse.Namespace) -> float:
    """Return what a step takes, the mean over processes that train at the same time."""
    inherited = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment = {**inherited, **WAYS[way], "OMP_NUM_THREADS": str(options.threads)}
    words = [f"--{name}={getattr(options, name)}" for name in ("points", "batch_size", "seconds")]
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", *words],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return statistics.mean(float(process.communicate()[0]) for process in started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.points, options.batch_size, options.seconds)
        return
    print(f"{options.batch_size} x {options.points} points, {options.threads} threads, seconds a step")
    print("trainings", *(f"{way:>8}" for way in WAYS))
    for count in (1, 2):
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way, measured in times.items():
                measured.append(seconds_a_step(count, way, options))
        print(f"{count:9}", *(f"{statistics.median(each):8.3f}" for each in times.values()), flush=True)


if __name__ == "__main__":
    main()
