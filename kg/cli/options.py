"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

Gpu = Annotated[
    int | None,
    typer.Option("--gpu", metavar="N", help="CUDA device to use. By default the best device there is."),
]
Cpu = Annotated[bool, typer.Option("--cpu", help="Use the CPU even where there is a GPU.")]
Run = Annotated[
    Path | None,
    typer.Option("--run", help="Run folder, or its name in the runs folder. By default the latest."),
]


def _force_kernels(name: str | None) -> str | None:
    if name:
        # Through the environment, so that worker processes follow too.
        os.environ["KG_KERNELS"] = name
    return name


Kernels = Annotated[
    Literal["auto", "torch", "numba", "triton"] | None,
    typer.Option("--kernels", callback=_force_kernels, help="Version of the operations to use; see kg info."),
]

Precision = Annotated[
    Literal["fp32", "bf16"],
    typer.Option(help="Of matrix products; bf16 is faster on GPUs and CPUs that have it."),
]


def assignment(text: str) -> tuple[str, str]:
    """Return the name and the value of a `--set NAME=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"'{text}' is no NAME=VALUE.", param_hint="--set")
    return key.strip().replace("-", "_"), value.strip()
