"""The same training by the fast operations and by their specification: python tests/benchmarks/agreement.py.

Trains twice, with `--kernels auto` and with `--kernels torch`, draws the losses of both over the epochs, and
prints how far they part. What follows the script's own options goes to `kg train`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LOSSES = {"farthest": "keypoints to farthest points", "similarity": "reconstruction to cloud"}
LOOKS = {
    "auto": {"color": "#4477aa", "linewidth": 4, "alpha": 0.5},
    "torch": {"color": "#222222", "ls": "--"},
}
NAMES = {"auto": "kg's kernels", "torch": "plain PyTorch, the specification"}


def trained(kernels: str, words: list[str], runs: Path) -> tuple[list[dict[str, float]], float]:
    """Return the losses of every epoch of a training, and its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "from kg.cli import main; main()", "train", *words, "--kernels", kernels]
    subprocess.run(command, check=True, env={**os.environ, "KG_RUNS": str(runs / kernels)})
    taken = time.perf_counter() - started
    (log,) = (runs / kernels).glob("*/metrics.jsonl")
    return [json.loads(row) for row in log.read_text().splitlines()], taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("agreement.png"))
    options, words = parser.parse_known_args()
    words = words or ["--category", "shirt", "--preset", "quick", "--cpu"]
    with TemporaryDirectory() as runs:
        found = {kernels: trained(kernels, words, Path(runs)) for kernels in LOOKS}
    figure = Figure(figsize=(8, 3), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (loss, title) in zip(figure.subplots(1, len(LOSSES)), LOSSES.items(), strict=True):
        for kernels, look in LOOKS.items():
            rows = [row for row in found[kernels][0] if loss in row]
            axes.semilogy(
                [row["epoch"] for row in rows], [row[loss] for row in rows], **look, label=NAMES[kernels]
            )
        parted = [
            abs(one[loss] / other[loss] - 1)
            for one, other in zip(found["auto"][0], found["torch"][0], strict=True)
            if loss in one
        ]
        print(f"{loss}: apart by {100 * parted[0]:.2g} % at first, {100 * parted[-1]:.2g} % at the end")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    for kernels, (_, taken) in found.items():
        print(f"{NAMES[kernels]}: {taken:.0f} s")
    figure.savefig(options.out)
    print(f"Wrote {options.out}")


if __name__ == "__main__":
    main()
