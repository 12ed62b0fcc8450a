"""Rotations that bring points onto their namesakes, and how far a rotation turns."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ROUNDS = 20
"""Fits of `fit_rotation`, each with weights of the one before."""


def fit_rotation(points: ArrayLike, reference: ArrayLike) -> Array:
    """Return the rotation (3, 3) by which points, moved and scaled, come nearest to their namesakes.

    Nearest by the sum of distances, not of their squares, so that a few points that are wrong count for
    little: least squares (Kabsch; Umeyama, PAMI 1991) with weights of one over each point's distance, again
    and again. It is never a mirror image.

    Args:
        points: (K, 3), two or more that are not in one place.
        reference: (K, 3), where they ought to lie.

    Raises:
        ValueError: The shapes do not belong together, or a number is not finite.
    """
    source, target = np.asarray(points, np.float64), np.asarray(reference, np.float64)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 3 or len(source) < 2:
        raise ValueError(f"points {source.shape} and reference {target.shape} do not belong together")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("a point is not finite")
    weights = np.full(len(source), 1 / len(source))
    for _ in range(ROUNDS):
        own, there = source - weights @ source, target - weights @ target
        left, singular, right = np.linalg.svd((there * weights[:, None]).T @ own)
        signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
        rotation: Array = (left * signs) @ right
        spread = weights @ np.square(own).sum(1)
        scale = (singular * signs).sum() / spread if spread > 0 else 1.0
        apart = np.linalg.norm(scale * own @ rotation.T - there, axis=1)
        # Below a hundredth of the size all are as good.
        least = 0.01 * np.sqrt(weights @ np.square(there).sum(1))
        weights = 1 / np.maximum(apart, max(least, 1e-12))
        weights /= weights.sum()
    return rotation


def angle_of(rotation: ArrayLike) -> Array:
    """Return by how many degrees rotations (..., 3, 3) turn, 0 to 180."""
    trace = np.trace(np.asarray(rotation, np.float64), axis1=-2, axis2=-1)
    angles: Array = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return angles
