"""Motions of kg over Newton's cloth, whose solver runs on a GPU too: python tests/benchmarks/newton_cloth.py.

The same garments, fabrics and hands as `kg prepare` has, with each step of the cloth made by `SolverVBD`,
whose self-contact is meant to be free of penetration (`pip install newton`, 1.8). It prints, a sequence a
line, what `tests/benchmarks/cloth.py` measures. Newton wants centimetres. What a hand holds is moved by it,
as in Newton's own example of a cloth that is twisted.
"""

import argparse
import time
from collections.abc import Sequence

import newton
import numpy as np
import warp as wp

from kg import plugins
from kg.data import PrepareOptions
from kg.paths import raw
from kg.sim.crossings import crossings
from kg.sim.deformed import as_cloth, metres, unit_of
from kg.sim.garment import Garment
from kg.sim.grips import Grip
from kg.sim.mix import mix
from kg.sim.quality import measure
from kg.sim.simulation import Simulation

CENTIMETRES = 100.0
GAP = 0.2
"""Centimetres beyond its thickness in which contacts are looked for."""


class NewtonCloth:
    """Takes over the steps of a simulation.

    Args:
        simulation: Where it stands; its positions are kept up to date.
        iterations: Of the solver, a step.
        steps: A sixtieth of a second.
        device: Of Warp.
    """

    def __init__(self, simulation: Simulation, iterations: int, steps: int, device: str) -> None:
        cloth, settings = simulation.cloth, simulation.settings
        self.simulation, self.steps = simulation, steps
        builder = newton.ModelBuilder(gravity=(0.0, 0.0, -CENTIMETRES * settings.gravity))
        builder.add_cloth_mesh(
            pos=wp.vec3(0, 0, 0),
            rot=wp.quat_identity(),
            scale=1.0,
            vel=wp.vec3(0, 0, 0),
            vertices=[wp.vec3(*map(float, vertex)) for vertex in cloth.rest * CENTIMETRES],
            indices=cloth.faces.flatten().tolist(),
            density=settings.density / CENTIMETRES**2,
            tri_ke=settings.stretch,
            tri_ka=settings.stretch,
            tri_kd=1e-4,
            edge_ke=settings.bend * CENTIMETRES**2 * 3,
            edge_kd=1e-3,
            particle_radius=CENTIMETRES * simulation.thickness / 2,
        )
        ground = newton.ModelBuilder.ShapeConfig(ke=1e4, kd=1e-3, mu=settings.ground_friction)
        builder.add_ground_plane(cfg=ground)
        builder.color(include_bending=True)
        self.model = builder.finalize(device=device)
        self.model.soft_contact_ke, self.model.soft_contact_kd = 1e4, 1e-3
        self.model.soft_contact_mu = settings.cloth_friction
        self.model.edge_rest_angle.zero_()
        margin = CENTIMETRES * simulation.thickness
        self.solver = newton.solvers.SolverVBD(
            self.model,
            iterations=iterations,
            particle_enable_self_contact=True,
            particle_self_contact_margin=margin,
            particle_self_contact_gap=GAP,
            particle_rest_shape_contact_exclusion_radius=margin,
            particle_vertex_contact_buffer_size=64,
            particle_edge_contact_buffer_size=128,
        )
        self.now, self.next = self.model.state(), self.model.state()
        self.control = self.model.control()
        self.pipeline = newton.CollisionPipeline(self.model, soft_contact_gap=GAP)
        self.contacts = self.pipeline.contacts()
        # On a CPU what Warp returns is a view.
        self.flags = self.model.particle_flags.numpy().copy()
        self.inverse = self.model.particle_inv_mass.numpy().copy()
        self.now.particle_q.assign((simulation.positions * CENTIMETRES).astype(np.float32))
        self.now.particle_qd.zero_()

    def advance(self, seconds: float, grips: Sequence[Grip] = ()) -> None:
        """Stand in for `Simulation.advance`."""
        if seconds < 1e-9:
            return
        simulation = self.simulation
        simulation.grips = grips
        count = int(np.ceil(seconds * 60 * self.steps - 1e-9))
        for _ in range(count):
            step = seconds / count
            simulation.time += step
            holding = simulation.held_by(grips)
            held = np.concatenate([np.zeros(0, np.int64), *(hold.vertices for hold in holding)])
            places, speeds = self.now.particle_q.numpy(), self.now.particle_qd.numpy()
            for hold in holding:
                before = places[hold.vertices].astype(np.float64) / CENTIMETRES
                carried = hold.carried(before, simulation.time, step)
                carried[:, 2] = np.maximum(carried[:, 2], simulation.thickness / 2)
                places[hold.vertices] = carried * CENTIMETRES
            speeds[held] = 0
            self._fix(held)
            self.now.particle_q.assign(places)
            self.now.particle_qd.assign(speeds)
            self.now.clear_forces()
            self.pipeline.collide(self.now, self.contacts)
            self.solver.step(self.now, self.next, self.control, self.contacts, step)
            self.now, self.next = self.next, self.now
            simulation.positions[:] = self.now.particle_q.numpy() / CENTIMETRES
            for hold in holding:
                hold.look(simulation.positions, simulation.time, step)

    def _fix(self, held: np.ndarray) -> None:
        """Leave to the solver all vertices but those that hands hold."""
        flags, inverse = self.flags.copy(), self.inverse.copy()
        flags[held] &= ~int(newton.ParticleFlags.ACTIVE)
        inverse[held] = 0
        self.model.particle_flags.assign(flags)
        self.model.particle_inv_mass.assign(inverse)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--category", default="shirt")
    parser.add_argument("--deformation", default="fold")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="a sixtieth of a second")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    dataset = plugins.DATASETS.load("garments")()
    item = dataset.items(options.category, raw("garments"), PrepareOptions(objects=1, seed=options.seed))[0]
    ((motion, settings),) = mix(options.deformation, {}).motions
    shape = as_cloth(dataset, item)
    unit = unit_of(shape, metres(dataset, []))
    garment = Garment.of_shape(shape, dataset.landmark_names(options.category), settings, unit)
    simulation, rng = garment.simulation, np.random.default_rng(options.seed)
    motion.begin(garment, rng)
    simulation.time = 0.0
    cloth = NewtonCloth(simulation, options.iterations, options.steps, options.device)
    simulation.advance = cloth.advance  # type: ignore[method-assign]
    start, frames, slips = time.process_time(), [], [0.0]
    for state in motion.moments(garment, np.linspace(0, motion.seconds, options.frames), rng):
        frames.append(state.positions)
        slips += np.linalg.norm(state.hands - state.positions[state.held], axis=1).tolist()
    quality = measure(frames, simulation.cloth, simulation.thickness)
    print(
        f"{options.category} {options.deformation}: crossings {crossings(frames, simulation.cloth.faces)}, "
        f"stretch {quality.stretch_99:.1%}, slip {1000 * max(slips):.1f} mm, "
        f"{quality.below:.1f} thicknesses in the ground, {time.process_time() - start:.0f} s of CPU"
    )


if __name__ == "__main__":
    main()
