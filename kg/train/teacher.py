"""A trained detector whose keypoints on shapes in their category's pose are what another one learns."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kg.config import Config
from kg.data.batches import thin
from kg.data.normalise import to_source
from kg.data.store import Clouds
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint
from kg.model.detector import Detector
from kg.model.normalisation import normalised
from kg.train.ranges import by_range

BATCH = 8


@dataclass(frozen=True, eq=False)
class Teacher:
    """A detector that other detectors learn from.

    Attributes:
        model: In evaluation mode.
        config: Of the run that made it.
    """

    model: Detector
    config: Config

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "Teacher":
        """Load the teacher of a training from its checkpoint.

        Raises:
            KgError: It is not there any more, or is no checkpoint.
        """
        if not path.is_file():
            raise KgError(
                f"The teacher {path} is not there.",
                "A training needs its teacher until it ends; predicting does not.",
            )
        loaded = load_checkpoint(path, device)
        return cls(loaded.model, loaded.config)

    @torch.no_grad()
    def keypoints(self, clouds: Clouds, category: str) -> NDArray[np.float64]:
        """Return the keypoints that it finds in clouds of a category as they lie, (n, K, 3), source units.

        Raises:
            KgError: The clouds have fewer points than it was trained on.
        """
        normalisation = self.config.model.normalisation
        if normalisation == "range":
            clouds = by_range(clouds)
        device = next((each.device for each in self.model.parameters()), torch.device("cpu"))
        self.model.assume(category if category in self.config.model.categories else None)
        points = torch.from_numpy(thin(clouds.points, self.config.train.points))
        keypoints = []
        for batch in torch.split(points, BATCH):
            batch = batch.to(device)
            if normalisation == "range":
                # They are already, with the points that thinning left out, as in its training.
                keypoints.append(self.model.find(batch).keypoints.cpu())
                continue
            seen, scaling = normalised(batch, normalisation)
            keypoints.append(scaling.back(self.model.find(seen).keypoints).cpu())
        return to_source(torch.cat(keypoints).numpy(), clouds.scale, clouds.offset)
