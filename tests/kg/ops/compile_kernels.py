"""Compile every Triton kernel ahead of time, without a GPU, and print what it takes.

python tests/kg/ops/compile_kernels.py [sm_80 sm_90 ...]

Each kernel is launched by its own launcher, on sizes of a real training; the launch is caught and
compiled for each architecture instead. Prints registers a thread, bytes spilled to memory, and shared
memory a block. Fails where one does not compile or spills more than a little.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from kg.ops.triton_kernels import (
    ball_query,
    farthest_point_sample,
    groups,
    nearest_neighbours,
    neighbour_max,
    norm,
    skeleton_heatmap,
    three_interpolate,
)

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
TYPES = {torch.float32: "*fp32", torch.int64: "*i64", torch.int32: "*i32"}
SPILLED_MOST = 256
"""Bytes a thread: 32 distances of the farthest points of 32,768 are half of what a thread can hold."""
Launch = tuple[JITFunction, dict[str, str], dict[str, Any], dict[str, Any]]


def signature_of(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return TYPES[value.dtype]
    if isinstance(value, float):
        return "fp32"
    return "i32" if -(2**31) <= value < 2**31 else "i64"


@contextmanager
def caught() -> Iterator[list[Launch]]:
    """Catch launches instead of running them."""
    launches: list[Launch] = []

    def record(self: JITFunction, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> None:
        named = dict(zip(self.arg_names, arguments, strict=False))
        named |= {name: options.pop(name) for name in self.arg_names if name in options}
        constants = {p.name: named[p.name] for p in self.params if p.is_constexpr}
        signature = {
            name: "constexpr" if name in constants else signature_of(value) for name, value in named.items()
        }
        launches.append((self, signature, constants, options))

    original, JITFunction.run = JITFunction.run, record
    try:
        yield launches
    finally:
        JITFunction.run = original


def launch_all() -> None:
    """Launch every kernel with the shapes of a batch of 8 clouds of 2,048 points, K = 8, and variants."""
    cloud, centres = torch.zeros(8, 2048, 3), torch.zeros(8, 1024, 3)
    for size in (2048, 32768):
        farthest_point_sample.farthest_point_sample(
            torch.zeros(1, size, 3), 1024, torch.zeros(1, dtype=torch.int64)
        )
    for nearest, count in ((True, 32), (False, 16)):
        ball_query.ball_query(cloud, centres, 0.1, count, nearest)
    for count in (1, 3):
        nearest_neighbours.nearest_neighbours(cloud, centres, count)
    indices, weights = torch.zeros(8, 2048, 3, dtype=torch.int64), torch.zeros(8, 2048, 3)
    three_interpolate.three_interpolate(torch.zeros(8, 1024, 128), indices, weights)
    three_interpolate.three_interpolate_backward(torch.zeros(8, 2048, 128), indices, weights, 1024)
    _, winners = neighbour_max.neighbour_max(torch.zeros(8, 2048, 64), torch.zeros(8, 2048, 16).long())
    neighbour_max.neighbour_max_backward(torch.zeros(8, 2048, 64), winners, 2048)
    scene = (cloud, torch.zeros(8, 8, 3), torch.zeros(8, 28))
    _, winner = skeleton_heatmap.skeleton_heatmap(*scene, -400.0)
    skeleton_heatmap.skeleton_heatmap_backward(torch.zeros(8, 2048), *scene, winner, -400.0)
    rows, vector = torch.zeros(16384, 128), torch.zeros(128)
    norm.moments(rows)
    norm.line(vector, vector, vector, vector, 1e-5)
    norm.through_moments(vector, vector, vector, vector, vector, 16384)
    norm.affine_relu(rows, vector, vector)
    norm.affine_relu_sums(rows, rows, vector, vector, vector)
    norm.affine_relu_backward(rows, rows, vector, vector, vector, vector)
    points, members = torch.zeros(16384, 32), torch.zeros(8192, 32, dtype=torch.int64)
    values = groups.group_rows(points, torch.zeros(8192, 32), members)
    groups.group_rows_backward(values, members, points)
    index, pull = groups.group_extremes(values, torch.zeros(32))
    groups.extremes_backward(values, values, index, pull, torch.zeros(32, 32))


def resources(cubin: bytes) -> dict[str, int]:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        text = subprocess.run(
            [CUOBJDUMP, "-res-usage", file.name], check=True, capture_output=True, text=True
        ).stdout
    return {name: int(value) for name, value in re.findall(r"(REG|STACK|SHARED|LOCAL):(\d+)", text)}


def main(architectures: list[str]) -> None:
    with caught() as launches:
        launch_all()
    print(f"{'kernel':38} {'constants':42} {'arch':6} registers spilled shared")
    worst = 0
    for kernel, signature, constants, options in launches:
        source = ASTSource(kernel, signature, constexprs=constants)
        named = f"{kernel.fn.__module__.rpartition('.')[2]}.{kernel.fn.__name__}"
        shown = " ".join(f"{name}={value}" for name, value in constants.items())
        for architecture in architectures:
            target = GPUTarget("cuda", int(architecture.removeprefix("sm_")), 32)
            made = triton.compile(source, target=target, options=options)
            used = resources(made.asm["cubin"])
            spills = used.get("STACK", 0) + used.get("LOCAL", 0)
            worst = max(worst, spills)
            print(
                f"{named:38} {shown:42} {architecture:6} {used['REG']:9} {spills:7} {made.metadata.shared:6}"
            )
    if worst > SPILLED_MOST:
        sys.exit(f"A kernel spills {worst} bytes a thread to memory; {SPILLED_MOST} are bearable.")


if __name__ == "__main__":
    main(sys.argv[1:] or ["sm_80", "sm_90"])
