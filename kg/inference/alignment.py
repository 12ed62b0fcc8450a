"""How shapes lie: the rotation of each to its category's frame, by its keypoints."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.config.stores import choose_store
from kg.data.find import StoreQuery
from kg.data.rotations import fit_rotation
from kg.data.split import SPLITS
from kg.data.store import Clouds, Store
from kg.errors import KgError
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor

SHAPES = 32
"""Of the training, whose keypoints say where they usually are."""


def category_keypoints(detector: Predictor) -> NDArray[np.float64]:
    """Return where keypoints usually are on shapes in their category's pose, (K, 3), of any size and place.

    A detector that keeps them says them itself; otherwise they are the median of what it finds on shapes of
    its training.

    Raises:
        KgError: The store of the training is not here, or it was of several categories.
    """
    kept = detector.checkpoint.model.category_keypoints()
    if kept is not None:
        return np.asarray(kept.double().cpu().numpy())
    try:
        store = choose_store(detector.checkpoint.config.data, StoreQuery())
    except KgError as error:
        raise KgError(
            f"What the category's frame is follows from shapes of the training: {error.message}", error.hint
        ) from error
    predictions = detector.detect(_first(store, detector))
    boxes = predictions.points.max(1) - predictions.points.min(1)
    centred = predictions.keypoints - (predictions.points.max(1) + predictions.points.min(1))[:, None] / 2
    return np.asarray(np.median(centred / boxes.max(1)[:, None, None], axis=0), np.float64)


def align(predictions: Predictions, reference: NDArray[np.float64]) -> Predictions:
    """Return predictions with the rotation of each shape to its category's frame.

    Args:
        predictions: Keypoints of n shapes.
        reference: (K, 3), where keypoints lie in that frame.
    """
    rotations = rotations_to(predictions.keypoints_source, reference)
    return replace(predictions, rotations=rotations)


def rotations_to(keypoints: NDArray[np.floating], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotations (n, 3, 3) that bring keypoints (n, K, 3) to lie as a reference (K, 3)."""
    return np.stack([fit_rotation(own, reference) for own in keypoints])


def _first(store: Store, detector: Predictor) -> Clouds:
    by = detector.checkpoint.config.data.split_by
    rows = np.flatnonzero(store.splits(by) == SPLITS.index("train"))[:SHAPES]
    return store.read_rows(rows)
