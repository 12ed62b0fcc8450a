"""`kg train --gpus`: a worker a GPU."""

import os
import sys
from collections.abc import Sequence

from kg.errors import KgError


def launch_on_gpus(gpus: str, *, gpu: int | None, cpu: bool) -> int:
    """Train on several GPUs of this machine, and return the exit code.

    Raises:
        KgError: There are no such GPUs, or one device is asked for besides.
    """
    from kg.train.launch import launch

    if gpu is not None or cpu:
        raise KgError("--gpus says on what to train.", f"Leave out {'--cpu' if cpu else '--gpu'}.")
    numbers = read_gpus(gpus)
    return launch(without_gpus(sys.argv[1:]), [["--gpu", str(number)] for number in numbers])


def read_gpus(text: str) -> list[int]:
    """Return the numbers of GPUs that a user means, each once.

    Raises:
        KgError: It is no list of numbers, or one of these GPUs does not exist.
    """
    import torch

    from kg.devices import choose_device

    if text == "all":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            choose_device(0)  # says why there is none
        return list(range(count))
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise KgError(f"'{text}' is no list of GPUs.", "For example: --gpus 0,1; or --gpus all")
    numbers = [int(part) for part in parts]
    for number in numbers:
        choose_device(number)
    return numbers


def without_gpus(words: Sequence[str]) -> list[str]:
    """Return a command's words without --gpus and its value."""
    kept, skip = [], False
    for word in words:
        if not skip and not word.startswith("--gpus="):
            skip = word == "--gpus"
            if skip:
                continue
            kept.append(word)
        else:
            skip = False
    return kept


def leave_quietly(error: Exception) -> None:
    """End a worker that ended because another had, where whoever started them says why."""
    from kg.train.launch import LAUNCHED, LOST
    from kg.train.team import LostError

    if isinstance(error, LostError) and LAUNCHED in os.environ:
        # At once: to take leave of others that are gone could take for ever.
        sys.stderr.flush()
        os._exit(LOST)
