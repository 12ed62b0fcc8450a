"""What a store comes to: bytes, files, and about how long it takes."""

from dataclasses import dataclass

from kg.data.dataset import Dataset, PrepareOptions

POINT = 12
"""Bytes of a point, and of its rest position."""
BESIDES = 500
"""Bytes of a row besides: names, scale, landmarks."""
SEQUENCE, MADE, CLOUD = 10.0, 1.0, 0.02
"""Seconds of a core, roughly: to simulate a garment, to make one, to sample a cloud of 2,048 points."""
LARGE = 2_000_000_000
"""Bytes from which a store is better written as several files, none larger: while one is written, its rows
are on the disk twice."""


@dataclass(frozen=True)
class Estimate:
    """What a preparation comes to, roughly.

    Attributes:
        clouds: Rows.
        size: Bytes of the store.
        seconds: On so many processes as were asked about.
    """

    clouds: int
    size: int
    seconds: float


def estimate(
    dataset: Dataset, options: PrepareOptions, clouds: int, objects: int, workers: int = 1
) -> Estimate:
    """Return what so many clouds of so many objects come to, made by so many processes."""
    # Whoever deforms a mesh knows where it was at rest; of others it is known when they are read.
    rest = options.deform is not None or dataset.cloth
    size = clouds * (options.points * POINT * (2 if rest else 1) + BESIDES)
    seconds = clouds * CLOUD * options.points / 2048
    if options.deform is not None:
        seconds += objects * SEQUENCE
    if dataset.builtin:
        seconds += objects * MADE
    return Estimate(clouds, size, seconds / workers)


def files_for(dataset: Dataset, options: PrepareOptions, clouds: int) -> int:
    """Return how many files so many clouds are written as, where nobody says how many."""
    return -(-estimate(dataset, options, clouds, 1).size // LARGE)
