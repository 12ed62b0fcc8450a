"""What a detector is trained on, read from a store."""

import numpy as np
import torch

from kg.data.batches import thinning
from kg.data.dataset import Split
from kg.data.rest import in_boxes
from kg.data.split import SPLITS
from kg.data.store import SplitBy, Store
from kg.model.detector import Examples


def read_examples(store: Store, split: Split, by: SplitBy, points: int) -> Examples:
    """Return the clouds of a split, thinned to so many points, with what is known of them.

    Raises:
        KgError: The clouds have fewer points.
    """
    clouds = store.read(split, by)
    kept = thinning(clouds.points, points)[..., None]
    rest = boxes = None
    if clouds.rest_positions is not None and len(clouds):
        rows = np.flatnonzero(store.splits(by) == SPLITS.index(split))
        places, sides = in_boxes(clouds.rest_positions, np.array(store.rest_ids())[rows].tolist())
        rest, boxes = torch.from_numpy(np.take_along_axis(places, kept, axis=1)), torch.from_numpy(sides)
    landmarks = None if clouds.landmarks is None else torch.from_numpy(clouds.landmarks)
    return Examples(
        points=torch.from_numpy(np.take_along_axis(clouds.points, kept, axis=1)),
        rest=rest,
        boxes=boxes,
        objects=clouds.objects,
        frames=clouds.frame.tolist(),
        landmarks=landmarks,
        landmark_ids=None if clouds.landmark_ids is None else torch.from_numpy(clouds.landmark_ids),
        landmark_names=store.landmark_names,
    )
