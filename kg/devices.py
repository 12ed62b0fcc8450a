"""What the work is done with: device, threads of the CPU, kernels. Importing it imports no PyTorch."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from kg.errors import KgError, unknown_name

if TYPE_CHECKING:
    import torch

Backend = Literal["auto", "triton", "numba", "torch"]
"""What computes an operation that has several versions; users choose by KG_KERNELS, or `--kernels`."""
BACKENDS = get_args(Backend)
PREFERENCE = BACKENDS[1:]
"""Backends, the fastest first, each where it runs."""


def choose_device(gpu: int | None = None, cpu: bool = False) -> "torch.device":
    """Return the device that was asked for, or the best there is.

    Args:
        gpu: Number of a CUDA device.
        cpu: Use the CPU even where there is a GPU.

    Raises:
        KgError: Both are asked for, or that GPU does not exist; says what there is.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if cpu and gpu is not None:
        raise KgError("--gpu and --cpu exclude each other.", "Leave one of them out.")
    if gpu is None:
        return torch.device("cuda", 0) if count and not cpu else torch.device("cpu")
    if 0 <= gpu < count:
        return torch.device("cuda", gpu)
    if count:
        raise KgError(f"There is no GPU {gpu}.", f"There are: {', '.join(map(str, range(count)))}.")
    if torch.version.cuda is None:
        raise KgError(
            f"--gpu {gpu} needs CUDA, which this PyTorch ({torch.__version__}) was built without.",
            "Leave --gpu out to use the CPU, or install a CUDA build of PyTorch.",
        )
    raise KgError(
        f"--gpu {gpu} finds no CUDA device (PyTorch {torch.__version__}, CUDA {torch.version.cuda}).",
        "Leave --gpu out to use the CPU, or look at nvidia-smi: is the driver there?",
    )


def describe(device: "torch.device") -> str:
    """Return a device's name for people to read."""
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    count = torch.get_num_threads()
    return f"{device} ({count} thread{'s' * (count > 1)})"


def peak_memory(device: "torch.device") -> float:
    """Return the most memory that this process has held so far, GiB: of a GPU, or of the machine.

    NaN where the system does not say.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return float("nan")
    # In KiB, on a Mac in bytes.
    return getrusage(RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


MEMORY = Path("/proc/meminfo")


def usable_memory(device: "torch.device") -> float:
    """Return the most memory that this process may come to hold, bytes; infinite where nothing says.

    Of a GPU, what is free. Of the machine, what is available, and no more than the limits of the process
    and of its control groups.
    """
    import torch

    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    least = min(map(_memory_limit, _groups("memory")), default=math.inf)
    with suppress(OSError):  # no Linux
        entries = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        least = min(least, int(entries["MemAvailable"].split()[0]) * 1024)
    with suppress(ImportError):  # Windows
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

        limit, _ = getrlimit(RLIMIT_AS)
        least = least if limit == RLIM_INFINITY else min(least, limit)
    return least


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups that this process is in.

    Of version 2, one hierarchy, and of version 1, where a controller has its own. A limit binds everything
    below it. A container may see its own group as the root, so folders may be missing.
    """
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        group = CGROUPS / controllers
        for part in ("", *Path(path.lstrip("/")).parts):
            group /= part
            yield group


def _memory_limit(group: Path) -> float:
    """Return the bytes that a control group is limited to, infinite if it is not."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # of the other version, or "max"
            return int((group / name).read_text())
    return math.inf


def _quota() -> float:
    """Return how many CPUs the control groups of this process may keep busy, infinite without a limit."""
    return min(map(_limit, _groups("cpu")), default=math.inf)


def _limit(group: Path) -> float:
    """Return the CPUs that a control group is limited to, infinite if it is not."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        except OSError:
            return math.inf
    # -1 and "max" are no limit.
    return math.inf if quota == "max" or int(quota) <= 0 else int(quota) / int(period)


def cores() -> int:
    """Return how many threads this process may run at once, by its affinity and its cgroups' CPU quotas.

    A quota is rounded down, to 1 or more: threads that wait for each other are as slow as the one that the
    system holds back.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(max(1, min(count, _quota())))


def threads() -> int:
    """Return how many threads of the CPU to use: `OMP_NUM_THREADS`, or as many as `cores`."""
    # A list has a number for each level of nested parallel regions; the first is ours.
    outermost = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(outermost) if outermost.isdecimal() and int(outermost) > 0 else cores()


def use_threads(count: int) -> None:
    """Use so many threads of the CPU from now on, here and in the processes that are started.

    PyTorch takes them from OMP_NUM_THREADS when it loads and is told where it has; the kernels that numba
    compiles use as many as PyTorch, `NUMBA_NUM_THREADS` at most.
    """
    os.environ["OMP_NUM_THREADS"] = str(count)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(count)


SPINS = 5000
"""How often a thread that waits looks again before it sleeps, for less than a tenth of a millisecond."""


def share_cpu() -> None:
    """Let threads that wait sleep, and have no more of them than may run. For before PyTorch loads.

    OpenMP's threads spin while they wait, by default, and PyTorch and numba bring a set of them each. Beside
    another process each waits for threads that are not running; to wake what sleeps at once costs a third of
    the time of a short loop (tests/benchmarks/busy.py measures both). So they spin for a moment, and sleep
    then. Variables that are set already stay.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    # OpenMP knows the affinity, not the quota.
    if "OMP_NUM_THREADS" not in os.environ and _quota() < math.inf:
        os.environ["OMP_NUM_THREADS"] = str(cores())


def forced_backend() -> str:
    """Return what KG_KERNELS says, one of `BACKENDS`; "auto" by default.

    Raises:
        KgError: It names no backend.
    """
    name = os.environ.get("KG_KERNELS") or "auto"
    if name not in BACKENDS:
        raise unknown_name("kernel backend (KG_KERNELS, --kernels)", name, BACKENDS)
    return name
