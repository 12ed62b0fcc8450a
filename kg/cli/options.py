"""Options that several commands share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from kg.devices import Backend, use_threads
from kg.errors import KgError

Gpu = Annotated[
    int | None,
    typer.Option("--gpu", metavar="N", help="CUDA device to use. By default the best device there is."),
]
Cpu = Annotated[bool, typer.Option("--cpu", help="Use the CPU even where there is a GPU.")]
Floors = Annotated[
    bool,
    typer.Option(
        "--floors/--no-floors",
        help="Results of reference keypoints on the same clouds: oracle, stands still, box ...",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="tcp://...|FILE",
        help="Use the workers of a Dask cluster: the address of its scheduler, or its scheduler file. "
        "Needs kg[cluster].",
    ),
]
Dataset = Annotated[str | None, typer.Option("--dataset", help="Data set, where several have the category.")]
Variant = Annotated[str | None, typer.Option("--variant", help="Prepared variant, where there are several.")]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", "-c", help="What to train on: shirt, airplane, ...; several by commas."),
]
Variants = Annotated[
    list[str] | None,
    typer.Option("--variant", help="Prepared variant, where there are several; more than one by commas."),
]
Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="A run's folder or name, a checkpoint file, or predictions, for the detector that made them; or "
        "a URL of one of these. Default: latest.",
    ),
]
Preset = Annotated[
    str,
    typer.Option("--preset", "-p", help="kg, quick (minutes on a CPU), paper or release; help lists them."),
]
Keypoints = Annotated[
    str | None,
    typer.Option(
        "--keypoints",
        "-k",
        metavar="K|auto",
        help="K, or auto: as many as are of use on the validation shapes. Default: the data set's.",
    ),
]
Detector = Annotated[
    str | None,
    typer.Option(help="What finds keypoints; help lists them. Default: the preset's."),
]
Backbone = Annotated[
    str | None,
    typer.Option(help="The network that sees the clouds; help lists them. Default: the detector's."),
]
Turn = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        help="Turn clouds anew in each step: all, any way; yaw, about the vertical; DEGREES, any way by at "
        "most so many; yaw:DEGREES; none.",
    ),
]
Farthest = Annotated[int | None, typer.Option("--farthest", "-j", min=1, help="J. Default: the data set's.")]
Points = Annotated[
    int | None, typer.Option("--points", min=1, help="N, points per cloud. Default: the preset's.")
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", "-e", min=1, help="Passes over the shapes. Default: the preset's.")
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", "-b", min=1, help="Clouds per step. Default: the preset's.")
]
SplitBy = Annotated[
    Literal["object", "frame"],
    typer.Option(
        "--split-by",
        help="Test on objects never seen, or on other frames of seen ones, as the paper does.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any other option; --set help lists them."),
]


def _force_kernels(name: str | None) -> str | None:
    if name:
        # Through the environment, so that worker processes follow too.
        os.environ["KG_KERNELS"] = name
    return name


Kernels = Annotated[
    Backend | None,
    typer.Option("--kernels", callback=_force_kernels, help="Version of the operations to use; see kg info."),
]


def _use_threads(count: int | None) -> int | None:
    if count:
        use_threads(count)
    return count


Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        callback=_use_threads,
        help="CPU threads, of all processes together. Default: OMP_NUM_THREADS, or as many as may run here.",
    ),
]

Precision = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option(
        "--precision",
        help="Precision of matrix products; bf16 is faster on GPUs and CPUs that have it. Default: fp32.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        "-m",
        help="What to measure; several by commas or repeated; help lists them. Default: the protocol's.",
    ),
]
Protocol = Annotated[
    str,
    typer.Option(
        "--protocol", help="How to measure: strict, paper, ...; kg eval --protocol help lists them."
    ),
]
Part = Literal["train", "val", "test", "all"]
Space = Annotated[
    Literal["normalised", "source"],
    typer.Option(help="Of the coordinates of --keypoints: the store's own, or its source's units."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the results as CSV.")]
Latex = Annotated[
    Path | None, typer.Option("--latex", metavar="FILE", help="Write the results as LaTeX tables.")
]


def several(entries: Sequence[str] | None, option: str) -> list[str]:
    """Return what was named for an option, by commas or repeated, each once.

    Raises:
        KgError: Something was given, as an empty variable of the shell, but it names nothing: to take that
            for nothing given would do everything.
    """
    names = (part.strip() for entry in entries or [] for part in entry.split(","))
    entered = list(dict.fromkeys(part for part in names if part))
    if entries and not entered:
        raise KgError(f"{option} names nothing.", "Name something, or leave it out.")
    return entered


def texts(**options: int | str | None) -> dict[str, str]:
    """Return options of a training as `Config.override` takes them, less those that were not given."""
    return {name: str(value) for name, value in options.items() if value is not None}


def counting(text: str | None) -> dict[str, str]:
    """Return the options of a training that `--keypoints` stands for; none if it was not said."""
    if text is None:
        return {}
    if text == "auto":
        return {"choose_keypoints": "true"}
    return {"keypoints": text, "choose_keypoints": "false"}


def turning(text: str | None) -> dict[str, str]:
    """Return the options of a training that `--turn` stands for; none if it was not said."""
    if text is None:
        return {}
    kind, colon, most = text.partition(":")
    if not colon and kind not in ("all", "yaw", "none"):
        kind, most = "all", text
    try:
        angle = float(most) if most else 180.0
        if kind not in ("all", "yaw", "none") or not 0 <= angle <= 180:
            raise ValueError(text)
    except ValueError:
        raise KgError(
            f"--turn takes all, yaw, DEGREES, yaw:DEGREES or none, not '{text}'.", "Degrees go from 0 to 180."
        ) from None
    return {"turn": kind} if kind == "none" else {"turn": kind, "turn_limit": f"{angle:g}"}


def assignment(text: str) -> tuple[str, str]:
    """Return the name and the value of a `--set NAME=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"'{text}' is no NAME=VALUE.", param_hint="--set")
    return key.strip().replace("-", "_"), value.strip()
