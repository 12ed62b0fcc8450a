"""Quality and speed of simulated garments: python tests/benchmarks/cloth.py.

For each category and deformation of the built-in garments, over several seeds, or for each mesh of a folder
(`--from FOLDER`), as `kg prepare` simulates them: the share of sequences in which no frame passes through
itself, pairs of triangles that cross at rest and in the last frame, stretch in percent (median, 99th
percentile, worst), how much shorter edges got (99th percentile), the depth below the ground in thicknesses,
how far hands were from what they held, in millimetres, the share of the flat area that is seen at the end,
from above and from a side, in percent, the kinetic energy at the end in millijoules, and the CPU time of a
sequence in seconds. A line is printed when its sequences are done; with --json or --table, all of them at
the end. --table is Markdown, a row a motion, as in kg/docs/garments.md: the worst of all garments, but the
mean of what is seen and of the time.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import plugins
from kg.data import Dataset, Item, PrepareOptions
from kg.paths import raw
from kg.sim.crossings import crossings
from kg.sim.deformation import laid
from kg.sim.deformed import as_cloth, metres, unit_of
from kg.sim.garment import Garment
from kg.sim.mix import ALL, Mix, mix, names_of
from kg.sim.quality import measure

Points = NDArray[np.float64]

CELL = 0.01
"""Metres: the side of the cells that coverage counts."""
WORST = (
    "crossing_frames",
    "at_rest",
    "at_last",
    "stretch_99",
    "stretch_most",
    "pressed_99",
    "below",
    "slip_mm",
    "energy_mj",
)


COLUMNS = {
    "motion": "`{motion}`",
    "sequences": "{sequences}",
    "without a crossing": "{whole:.0%}",
    "stretch, 99th percentile": "{stretch_99:.1f} %",
    "hands slip": "{slip_mm:.1f} mm",
    "seen at the end, from above": "{covered:.0f} %",
    "from a side": "{silhouette:.0f} %",
    "CPU": "{seconds:.1f} s",
}
"""Of the table."""


def sequence(
    dataset: Dataset, category: str, item: Item, unit: float, motion: Mix, seed: int, count: int
) -> dict[str, float]:
    """Simulate a garment and measure it."""
    ((how, settings),) = motion.motions
    shape = as_cloth(dataset, item, settings.coarse)
    names = dataset.landmark_names(category)
    garment = Garment.of_shape(shape, names, settings, unit_of(shape, unit))
    simulation = garment.simulation
    rng = np.random.default_rng([seed, *item.id.encode()])
    started = time.process_time()
    frames, slips = [], [0.0]
    for state in how.states(garment, count, rng):
        frames.append(state.positions)
        slips += np.linalg.norm(state.hands - state.positions[state.held], axis=1).tolist()
    seconds = time.process_time() - started
    faces = simulation.cloth.faces
    flat = seen(laid(simulation.cloth.rest)[:, :2], faces)
    quality = measure(frames, simulation.cloth, simulation.thickness)
    (at_rest,) = crossings([simulation.cloth.rest], faces)
    return {
        "vertices": len(shape.vertices),
        "whole": float(quality.crossing == 0),
        "crossing_frames": quality.crossing,
        "at_rest": at_rest,
        "at_last": quality.at_last,
        "stretch": 100 * quality.stretch,
        "stretch_99": 100 * quality.stretch_99,
        "stretch_most": 100 * quality.stretch_most,
        "pressed_99": 100 * quality.pressed_99,
        "below": quality.below,
        "slip_mm": 1000 * max(slips),
        "covered": 100 * seen(frames[-1][:, [0, 1]], faces) / flat,
        "silhouette": 100 * max(seen(frames[-1][:, [axis, 2]], faces) for axis in (0, 1)) / flat,
        "energy_mj": 1000 * simulation.kinetic_energy,
        "seconds": seconds,
    }


def combined(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return what stands for several sequences: of some values the worst, of others the mean."""
    values = {
        key: float((np.max if key in WORST else np.mean)([run[key] for run in runs])) for key in runs[0]
    }
    return {"sequences": len(runs), **values}


def table(done: dict[str, list[dict[str, float]]]) -> str:
    """Return a Markdown table of the sequences of each motion."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS)]
    for motion, runs in done.items():
        lines.append([text.format(motion=motion, **combined(runs)) for text in COLUMNS.values()])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seen(places: Points, faces: NDArray[np.int64], cells: int = 10) -> int:
    """Return how many cells of 10 mm hold some of many points of the triangles (V, 2), each cell once."""
    shares = np.array([(a, b, cells - a - b) for a in range(cells + 1) for b in range(cells + 1 - a)]) / cells
    points = np.einsum("sc,fcx->fsx", shares, places[faces]).reshape(-1, 2)
    return len(np.unique(np.floor(points / CELL).astype(np.int64), axis=0))


def cases(options: argparse.Namespace) -> Iterator[tuple[Dataset, str, str, float, list[tuple[int, Item]]]]:
    """Yield data set, category, a name, the unit in metres, and the seeds and garments measured together."""
    if options.folder:
        dataset = plugins.DATASETS.load("folder")()
        for category in dataset.find_categories(options.folder):
            found = dataset.items(category, options.folder, PrepareOptions())
            unit = metres(dataset, found)
            for item in found:
                yield dataset, category, item.id, unit, [(0, item)]
        return
    dataset = plugins.DATASETS.load("garments")()
    for category in options.categories or dataset.categories:
        items = [
            (seed, dataset.items(category, raw("garments"), PrepareOptions(objects=1, seed=seed))[0])
            for seed in range(options.seeds)
        ]
        yield dataset, category, category, metres(dataset, []), items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--categories", nargs="+")
    parser.add_argument("--from", dest="folder", type=Path, help="meshes, instead of the built-in garments")
    parser.add_argument("--deformations", nargs="+", default=names_of(ALL))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--set", dest="given", metavar="OPTION=VALUE", nargs="+", default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.given)
    motions = {name: mix(name, given) for name in options.deformations}
    rows: list[dict[str, object]] = []
    done: dict[str, list[dict[str, float]]] = {name: [] for name in motions}
    for dataset, category, name, unit, items in cases(options):
        if not rows:
            sequence(dataset, category, items[0][1], unit, mix("drop", {}), 0, 2)  # compiles
        for deformation, motion in motions.items():
            runs = [
                sequence(dataset, category, item, unit, motion, seed, options.frames) for seed, item in items
            ]
            done[deformation] += runs
            rows.append({"name": name, "deformation": deformation, **combined(runs)})
            if not (options.json or options.table):
                values = " ".join(f"{key} {value:.3g}" for key, value in combined(runs).items())
                print(f"{name} {deformation}: {values}", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    if options.table:
        print(table(done))


if __name__ == "__main__":
    main()
