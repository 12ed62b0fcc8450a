"""What spoils a cloud on its way to the detector: noise, thinning, holes, outliers, turns, views.

Each takes a level, the least of which leaves the cloud as it is, but for a view. The clouds are
normalised, so that levels that are distances mean the same for every data set.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.data.normalise import Kind, Scaling, off_range, scaling_of, to_source
from kg.data.sample import farthest_points
from kg.data.store import Clouds
from kg.errors import KgError, unknown_name

Array = NDArray[np.float64]

PIXEL = 0.06
"""Side of a side view's pixel, normalised: about the distance of neighbours among 1,024 points."""

NOISE, RESAMPLING, ROTATION = "noise", "resampling", "rotation"


@dataclass(frozen=True)
class Corruption:
    """One way to spoil clouds.

    Attributes:
        name: As typed on the command line.
        title: One line for people.
        label: Of its level, for an axis.
        unit: Of its level.
        levels: From, to, and how many, unless asked otherwise.
        least: No level is below it.
        most: No level is above it.
        apply: Returns the points (M, 3) that are left of a cloud (N, 3) at a level.
        geometric: Levels multiply rather than add up.
        harmless: The least level changes nothing.
    """

    name: str
    title: str
    label: str
    unit: str
    levels: tuple[float, float, int]
    least: float
    most: float
    apply: Callable[[Array, float, np.random.Generator], Array]
    geometric: bool = False
    harmless: bool = True

    @property
    def axis(self) -> str:
        """What stands at an axis of its levels, without the unit."""
        return f"{self.name}, {self.label}"

    def spaced(self, low: float, high: float, count: int) -> list[float]:
        """Return so many levels from one to another."""
        spaced = np.geomspace(low, high, count) if self.geometric else np.linspace(low, high, count)
        return [round(float(level), 6) for level in spaced]


class Undo(NamedTuple):
    """The way back from corrupted clouds: place = (seen * scale + offset) turned back.

    Attributes:
        scale: (n,).
        offset: (n, 3).
        turns: (n, 3, 3) by which the clouds were turned.
    """

    scale: Array
    offset: Array
    turns: Array

    def __call__(self, seen: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return positions (n, M, 3) of the corrupted clouds in the normalised space of the clean ones."""
        there = to_source(seen, self.scale, self.offset)
        return (there @ self.turns).astype(np.float32)


def corrupt(clouds: Clouds, name: str, level: float, seed: int = 0) -> tuple[Clouds, Undo]:
    """Return clouds of as many points as before, corrupted and normalised anew, and the way back.

    What is random depends on the seed and on a cloud's id alone: neither on its row nor on the level, so
    that a curve over levels follows one corruption as it grows. A cloud that has lost points is filled up
    with copies of those that are left; of one that has gained some, as many are drawn. Ground truth
    (landmarks, rest positions) is of the clean clouds, where `Undo` carries keypoints.

    Raises:
        KgError: The corruption is unknown, or has no such level.
    """
    if name not in CORRUPTIONS:
        raise unknown_name("corruption", name, CORRUPTIONS)
    corruption = CORRUPTIONS[name]
    if not corruption.least <= level <= corruption.most:
        raise KgError(
            f"{name} has no level {level:g}.",
            f"It goes from {corruption.least:g} to {corruption.most:g} ({corruption.label}).",
        )
    count = clouds.points.shape[1]
    how: Kind = "longest-side" if off_range(clouds.scale, clouds.offset).any() else "range"
    points, scalings, turns = [], [], []
    for label, cloud in zip(clouds.ids, clouds.points, strict=True):
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        turn = random_turn(level, rng) if name == ROTATION else np.eye(3)
        left = _exactly(corruption.apply(cloud.astype(np.float64) @ turn.T, level, rng), count, rng)
        untouched = corruption.harmless and level == corruption.least
        # However little is left of a cloud, and wherever: it is measured.
        scaling = Scaling(1.0, (0.0, 0.0, 0.0)) if untouched else scaling_of(left, how)
        points.append(scaling.to_normalised(left))
        scalings.append(scaling)
        turns.append(turn)
    undo = Undo(
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
        turns=np.stack(turns),
    )
    plain = replace(
        clouds,
        points=np.stack(points),
        scale=clouds.scale * undo.scale,
        offset=to_source(undo.offset[:, None], clouds.scale, clouds.offset)[:, 0],
        landmarks=None,
        landmark_ids=None,
        rest_positions=None,
    )
    return plain, undo


def _exactly(points: Array, count: int, rng: np.random.Generator) -> Array:
    if len(points) == count:
        return points
    if len(points) > count:
        return points[np.sort(rng.choice(len(points), count, replace=False))]
    return points[np.resize(np.arange(len(points)), count)]


def random_turn(most: float, rng: np.random.Generator) -> Array:
    """Return a rotation (3, 3) drawn evenly from those by at most an angle in degrees; 180 is all of them."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    # Among all rotations the share by at most an angle a is (a - sin a) / pi.
    angles = np.linspace(0, np.radians(most), 1000)
    angle = np.interp(rng.random() * (angles[-1] - np.sin(angles[-1])), angles - np.sin(angles), angles)
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    # Rodrigues' formula.
    turn: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn


def _noise(points: Array, level: float, rng: np.random.Generator) -> Array:
    return points + level * rng.normal(size=points.shape)


def _downsample(points: Array, level: float, _: np.random.Generator) -> Array:
    kept = max(1, round(len(points) / level))
    return points if kept == len(points) else points[farthest_points(points, kept)]


def _resample(points: Array, level: float, rng: np.random.Generator) -> Array:
    """Drop a share of the points, whichever."""
    order = rng.permutation(len(points))
    return points[np.sort(order[round(level * len(points)) :])]


def _occlusion(points: Array, level: float, rng: np.random.Generator) -> Array:
    centre = points[rng.integers(len(points))]
    order = np.argsort(np.linalg.norm(points - centre, axis=1), kind="stable")
    return points[np.sort(order[round(level * len(points)) :])]


def _outliers(points: Array, level: float, rng: np.random.Generator) -> Array:
    strays = rng.uniform(-1, 1, (len(points), 3))[: round(level * len(points))]
    return np.concatenate([points, strays])


def _side_view(points: Array, level: float, rng: np.random.Generator) -> Array:
    """Keep what a camera sees that looks along the thinnest direction, tilted by an angle.

    The frontmost point of each pixel hides those more than two pixels behind it.
    """
    around = rng.uniform(0, 2 * np.pi)
    flat = np.linalg.svd(points - points.mean(0), full_matrices=False)[2]
    tilt = np.radians(level)
    sideways = np.cos(around) * flat[0] + np.sin(around) * flat[1]
    towards = np.cos(tilt) * flat[2] + np.sin(tilt) * sideways
    right = np.cross(towards, np.cos(around) * flat[1] - np.sin(around) * flat[0])
    up = np.cross(towards, right)
    depth = -points @ towards
    pixels = np.floor(np.stack([points @ right, points @ up], 1) / PIXEL).astype(np.int64)
    _, pixel = np.unique(pixels, axis=0, return_inverse=True)
    front = np.full(pixel.max() + 1, np.inf)
    np.minimum.at(front, pixel.ravel(), depth)
    seen = depth <= front[pixel.ravel()] + 2 * PIXEL
    return np.asarray(points[seen])


def _as_it_is(points: Array, _: float, __: np.random.Generator) -> Array:
    return points


CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption(
            NOISE, "every point is off by a normal error", "σ", "normalised", (0, 0.08, 5), 0, 1, _noise
        ),
        Corruption(
            "downsample",
            "only a share of the points is left, by farthest point sampling",
            "factor",
            "",
            (1, 16, 5),
            1,
            256,
            _downsample,
            geometric=True,
        ),
        Corruption(
            RESAMPLING, "a share of the points is missing, any", "share", "", (0, 0.9, 4), 0, 0.99, _resample
        ),
        Corruption(
            "occlusion",
            "a share of the points is missing, in one patch",
            "share",
            "",
            (0, 0.5, 6),
            0,
            0.9,
            _occlusion,
        ),
        Corruption(
            "outliers",
            "points anywhere in the cube, as a share of the cloud's",
            "share",
            "",
            (0, 0.2, 5),
            0,
            1,
            _outliers,
        ),
        Corruption(
            ROTATION, "any rotation by at most an angle", "angle", "degrees", (0, 180, 7), 0, 180, _as_it_is
        ),
        Corruption(
            "side-view",
            "what a camera sees that is tilted from the shape's thinnest direction",
            "tilt",
            "degrees",
            (0, 90, 4),
            0,
            90,
            _side_view,
            harmless=False,
        ),
    )
}
"""Every corruption by its name."""
