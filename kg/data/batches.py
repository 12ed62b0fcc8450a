"""Clouds for training: thinned to N points, in a shuffled order that the seed alone decides."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.data.sample import farthest_points


def thin(clouds: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return clouds (n, N, 3) thinned to (n, count, 3) by farthest point sampling.

    Raises:
        KgError: N is below `count`.
    """
    if clouds.shape[1] == count:
        return clouds
    return np.take_along_axis(clouds, thinning(clouds, count)[..., None], axis=1)


def thinning(clouds: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Return which points (n, count) of clouds (n, N, 3) `thin` keeps.

    Raises:
        KgError: N is below `count`.
    """
    if clouds.shape[1] == count:
        return np.broadcast_to(np.arange(count), clouds.shape[:2])
    kept = [farthest_points(cloud, count) for cloud in clouds]
    return np.array(kept, dtype=np.int64).reshape(-1, count)


def shuffled_batches(
    clouds: int, batch_size: int, seed: int, epoch: int, weights: Tensor | None = None
) -> list[Tensor]:
    """Return the row numbers of each batch of an epoch; the last batch may be smaller.

    Args:
        clouds: How many there are, and how many an epoch has.
        batch_size: Clouds of a batch.
        seed: Of the training.
        epoch: Counted from 0.
        weights: (clouds,), how often each is drawn, relative to the others; by default each once.
    """
    generator = torch.Generator().manual_seed(step_seed(seed, epoch, 0))
    if weights is None:
        order = torch.randperm(clouds, generator=generator)
    else:
        order = torch.multinomial(weights, clouds, replacement=True, generator=generator)
    return list(torch.split(order, batch_size))


def consecutive(objects: Sequence[str], frames: Sequence[int], batch_size: int) -> list[Tensor]:
    """Return row numbers in batches of consecutive frames of one object; its last batch may be smaller.

    Args:
        objects: (n,), what each row is of.
        frames: (n,), its number within the object's sequence.
        batch_size: Frames of a batch, at most.
    """
    order = np.lexsort((frames, objects))
    _, first = np.unique(np.asarray(objects)[order], return_index=True)
    of_object = (torch.from_numpy(rows) for rows in np.split(order, first[1:]) if len(rows))
    return [batch for rows in of_object for batch in torch.split(rows, batch_size)]


def shuffled(batches: Sequence[Tensor], seed: int, epoch: int) -> list[Tensor]:
    """Return the same batches in the order of an epoch, counted from 0."""
    generator = torch.Generator().manual_seed(step_seed(seed, epoch, 0))
    return [batches[number] for number in torch.randperm(len(batches), generator=generator).tolist()]


def step_seed(seed: int, epoch: int, step: int) -> int:
    """Return the seed of everything random in a step.

    Because a step draws from its own stream, a resumed training repeats the uninterrupted one with no
    random state to save.
    """
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1, np.uint64)[0] >> 1)
