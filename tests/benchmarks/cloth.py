"""Quality and speed of simulated garments: python tests/benchmarks/cloth.py.

For each category and deformation of the built-in garments, over several seeds: the share of sequences in
which no frame passes through itself, stretch in percent (median, 99th percentile, worst), the depth below
the ground in thicknesses, the kinetic energy at the end in millijoules, and frames a second of CPU time.
A line is printed when its sequences are done; with --json, all of them at the end.
"""

import argparse
import json
import time

import numpy as np

from kg import registry
from kg.data import PrepareOptions
from kg.paths import raw
from kg.sim import Settings
from kg.sim.garment import Garment
from kg.sim.options import DEFORMATIONS
from kg.sim.quality import measure


def sequence(category: str, deformation: str, seed: int, count: int) -> dict[str, float]:
    dataset = registry.dataset("garments")
    item = dataset.items(category, raw("garments"), PrepareOptions(objects=1, seed=seed))[0]
    shape = dataset.load(item)
    garment = Garment.of_shape(shape, dataset.landmark_names(category), Settings())
    simulation = garment.simulation
    rng = np.random.default_rng([seed, *item.id.encode()])
    started = time.process_time()
    frames = list(DEFORMATIONS[deformation]().frames(garment, count, rng))
    seconds = time.process_time() - started
    quality = measure(frames, simulation.cloth, simulation.thickness)
    return {
        "vertices": len(shape.vertices),
        "whole": float(quality.crossing == 0),
        "crossing_frames": quality.crossing,
        "stretch": 100 * quality.stretch,
        "stretch_99": 100 * quality.stretch_99,
        "stretch_most": 100 * quality.stretch_most,
        "below": quality.below,
        "energy_mj": 1000 * simulation.kinetic_energy,
        "fps": count / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--categories", nargs="+", default=registry.dataset("garments").categories)
    parser.add_argument("--deformations", nargs="+", default=list(DEFORMATIONS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sequence(options.categories[0], "drop", 0, 2)  # compiles
    rows = []
    for category in options.categories:
        for deformation in options.deformations:
            runs = [sequence(category, deformation, seed, options.frames) for seed in range(options.seeds)]
            worst = ("crossing_frames", "stretch_99", "stretch_most", "below", "energy_mj")
            row = {
                key: float((np.max if key in worst else np.mean)([run[key] for run in runs]))
                for key in runs[0]
            }
            rows.append({"category": category, "deformation": deformation, **row})
            if not options.json:
                values = " ".join(f"{key} {value:.3g}" for key, value in row.items())
                print(f"{category} {deformation}: {values}", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
