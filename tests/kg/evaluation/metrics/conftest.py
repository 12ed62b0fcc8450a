from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest


@dataclass
class Ragged:
    """Random shapes with 0 to A landmarks, in no order, at least one shape with some."""

    keypoints: Any
    points: Any
    landmarks: Any
    ids: Any


def make(seed: int) -> Ragged:
    rng = np.random.default_rng(seed)
    n, most, kinds = rng.integers(1, 7), rng.integers(1, 6), rng.integers(1, 4)
    ids = rng.integers(-1, kinds, (n, most))
    ids[rng.integers(n), rng.integers(most)] = 0
    # A coarse lattice makes equal distances common.
    landmarks = rng.integers(-2, 3, (n, most, 3)).astype(float)
    landmarks[ids < 0] = np.nan
    return Ragged(
        keypoints=rng.integers(-2, 3, (n, rng.integers(1, 6), 3)) + rng.integers(0, 2, (n, 1, 1)) * 0.25,
        points=rng.integers(-2, 3, (n, rng.integers(2, 30), 3)) + rng.normal(size=(n, 1, 3)) * 0.1,
        landmarks=landmarks,
        ids=ids,
    )


@pytest.fixture(scope="session")
def ragged() -> Callable[[int], Ragged]:
    return make
