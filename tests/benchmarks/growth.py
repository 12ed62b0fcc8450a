"""How a training step grows with points and keypoints: python tests/benchmarks/growth.py -o growth.png.

Runs `kg bench training` on one cloud of ever more points, and of 2,048 points with ever more keypoints, and
draws the median time and the peak memory. The dashed lines grow as the specification's arithmetic does: the
searches as N², the values of N points as N, the skeleton's edges as K².
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

POINTS, KEYPOINTS = (2048, 4096, 8192, 16384, 32768), (8, 16, 32, 64)
INK, BLUE = "#333333", "#4477aa"


def step(points: int, keypoints: int, threads: int, rounds: int) -> tuple[float, float]:
    """Return the seconds and the MiB of a training step on one cloud."""
    words = (
        f"bench training -b 1 --points {points} -k {keypoints} --threads {threads} --rounds {rounds} --json"
    )
    made = subprocess.run(
        [sys.executable, "-c", "from kg.cli import main; main()", *words.split()],
        check=True,
        stdout=subprocess.PIPE,
    )
    result = json.loads(made.stdout)["results"][0]
    return result["seconds"], result["peak_bytes"] / 2**20


def draw(
    axes: Axes, sizes: Sequence[int], values: Sequence[float], label: str, unit: str, power: int
) -> None:
    """Draw values over sizes, and what grows as a power of them from the first."""
    axes.loglog(sizes, values, "o-", color=BLUE, markersize=4)
    axes.loglog(
        sizes, [values[0] * (size / sizes[0]) ** power for size in sizes], "--", color=INK, linewidth=0.8
    )
    axes.set_xlabel(f"{label}   (dashed: {label[-1]}{'²' if power == 2 else ''})")
    axes.set_ylabel(unit)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("growth.png"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figure = Figure(figsize=(8, 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    for row, (label, sizes) in zip(
        figure.subplots(2, 2), (("points, N", POINTS), ("keypoints, K", KEYPOINTS)), strict=True
    ):
        measured = []
        for size in sizes:
            points, keypoints = (size, KEYPOINTS[0]) if sizes is POINTS else (POINTS[0], size)
            measured.append(step(points, keypoints, options.threads, options.rounds))
            print(f"N {points} K {keypoints}: {measured[-1][0]:.3g} s, {measured[-1][1]:.0f} MiB", flush=True)
        seconds, memory = zip(*measured, strict=True)
        draw(row[0], sizes, seconds, label, "seconds a step", 2)
        draw(row[1], sizes, memory, label, "peak memory, MiB", 1 if sizes is POINTS else 2)
    figure.savefig(options.out)
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
