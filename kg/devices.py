"""Which device the work is done on."""

import torch

from kg.errors import KgError


def choose_device(gpu: int | None = None, cpu: bool = False) -> torch.device:
    """Return the device that was asked for, or the best there is.

    Args:
        gpu: Number of a CUDA device.
        cpu: Use the CPU even where there is a GPU.

    Raises:
        KgError: Both are asked for, or that GPU does not exist; says what there is.
    """
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


def describe(device: torch.device) -> str:
    """Return a device's name for people to read."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"
