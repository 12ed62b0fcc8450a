"""kg beside the released Key-Grid: python tests/benchmarks/released.py PATH_OF_A_CHECKOUT.

A training step and inference of both, in turns in one process, so that their ratio holds on a busy
machine. The released code is not part of kg; it calls `.cuda()` everywhere, which is made to mean the
device of the benchmark. Where pytorch3d (which has no wheels), einops or simpleicp are missing, stand-ins
do the little that it wants of them; its Chamfer distance is then kg's, which is the faster. Clouds are
random ellipsoids, K = 8.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch
from torch import nn

from kg import ops
from kg.config import preset
from kg.devices import choose_device, describe
from kg.model.detector import Batch
from kg.ops import bench
from kg.train.bench import inference, training_step
from kg_detectors.key_grid import KeyGrid

KEYPOINTS, FARTHEST = 8, 12


def stand_in(name: str, **contents: object) -> ModuleType:
    """Let a module be imported that is not installed."""
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(contents)
    return module


def stand_ins() -> None:
    """Fill in for the packages that are missing, as far as the released code's losses use them."""

    def missing(name: str) -> bool:
        return importlib.util.find_spec(name) is None

    if missing("pytorch3d"):
        loss = stand_in(
            "pytorch3d.loss",
            chamfer_distance=lambda one, other: (ops.chamfer_distance(one, other), None),
        )
        stand_in("pytorch3d", loss=loss, utils=stand_in("pytorch3d.utils"))
    if missing("einops"):
        stand_in(
            "einops",
            rearrange=lambda values, pattern: values.transpose(1, 2),
            repeat=lambda values, pattern, c: values[:, None, None].expand(-1, c, 1),
        )
    if missing("simpleicp"):
        stand_in("simpleicp", PointCloud=None, SimpleICP=None)


def released_cases(checkout: Path, cloud: torch.Tensor) -> list[bench.Case]:
    sys.path.insert(0, str(checkout))
    torch.Tensor.cuda = lambda self, *_, **__: self.to(cloud.device)
    nn.Module.cuda = lambda self, *_, **__: self.to(cloud.device)
    stand_ins()
    from merger.composed_chamfer import loss_all
    from merger.merger_net import Net

    options = SimpleNamespace(keynumber=FARTHEST, chamfer=20, lambda_init_points=1.0, lambda_chamfer=1.0)
    torch.manual_seed(0)
    net = Net(cloud.shape[1], KEYPOINTS).to(cloud.device)
    optimizer = torch.optim.Adadelta(net.parameters(), lr=0.1, eps=1e-2)

    def step() -> None:
        net.train()
        optimizer.zero_grad()
        keypoints, reconstruction = net(cloud, "True")
        # Past the epochs without the Chamfer loss.
        sum(loss_all(cloud, keypoints, reconstruction, options.chamfer + 1, options).values()).backward()
        optimizer.step()

    def infer(count: int) -> Callable[[], object]:
        @torch.no_grad()
        def run() -> None:
            net.eval()(cloud[:count], "False")

        return run

    # It cannot take one cloud alone: the smallest batch is two.
    return [
        bench.Case("training step", "released", step),
        bench.Case(f"inference, {len(cloud)}", "released", infer(len(cloud))),
        bench.Case("inference, 2", "released", infer(2)),
    ]


def kg_cases(cloud: torch.Tensor, precision: str) -> list[bench.Case]:
    config = preset("kg")
    torch.manual_seed(0)
    model = KeyGrid(config.model).to(cloud.device)
    return [
        bench.Case("training step", "kg", training_step(model, Batch(cloud), config, precision)),
        bench.Case(f"inference, {len(cloud)}", "kg", inference(model, cloud, precision)),
        bench.Case("inference, 2", "kg", inference(model, cloud[:2], precision)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    if not (options.checkout / "merger" / "merger_net.py").is_file():
        parser.error(f"{options.checkout} is no checkout of Key-Grid: it has no merger/merger_net.py")
    torch.set_num_threads(options.threads)
    device = choose_device(cpu=options.cpu)
    cloud = bench.ellipsoids(options.batch, options.points, device)
    pairs = zip(released_cases(options.checkout, cloud), kg_cases(cloud, options.precision), strict=True)
    measured = bench.measure([case for pair in pairs for case in pair], device, options.rounds)
    results = {}
    for theirs, ours in zip(measured[::2], measured[1::2], strict=True):
        results[ours.name] = {
            "released_s": theirs.seconds,
            "kg_s": ours.seconds,
            "times_faster": theirs.seconds / ours.seconds,
            "times_faster_at_best": theirs.fastest / ours.fastest,
        }
        if theirs.peak_bytes is not None and ours.peak_bytes is not None:
            results[ours.name]["released_peak_mib"] = theirs.peak_bytes / 2**20
            results[ours.name]["kg_peak_mib"] = ours.peak_bytes / 2**20
    shown = {"device": describe(device), "batch": options.batch, "points": options.points}
    print(json.dumps(shown | {"rounds": options.rounds, "results": results}, indent=2))


if __name__ == "__main__":
    main()
