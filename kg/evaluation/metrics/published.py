"""Figures that others published, to stand beside our own: read off their papers, measured by nobody here.

Not all could be reproduced: `REPRODUCED` holds what others reached with the released code.
"""

from dataclasses import dataclass

PAPER = "Hou et al., Key-Grid, NeurIPS 2024, arXiv 2410.02237"
AVERAGE = "average"
"""Category of the mean over the 13 categories of a table."""


@dataclass(frozen=True)
class Published:
    """One figure of a table.

    Attributes:
        method: Whose detector.
        data: Which data set, and for garments how they deform.
        category: Of the data set, or `AVERAGE`.
        metric: "das", or "miou" (at 0.1 in the data set's units).
        value: Percent.
        keypoints: K; None where it is not told.
        source: Who says so.
    """

    method: str
    data: str
    category: str
    metric: str
    value: float
    keypoints: int | None
    source: str = PAPER

    @property
    def on(self) -> str:
        """The category, and how it deforms."""
        return " ".join([*self.data.split()[1:], self.category])

    @property
    def author(self) -> str:
        """The method, and by whom it was measured if not by the paper."""
        return self.method if self.source == PAPER else f"{self.method} by {self.source}"

    @property
    def measured_as(self) -> tuple[str, str]:
        """The metric, of `kg.evaluation.metrics.METRICS`, and its part that count as this figure does.

        Garments have no annotations: their keypoints are compared with those of the first shape alone.
        """
        if self.metric != "das":
            return self.metric, "value"
        if self.data.startswith("ClothesNet"):
            return "das-unsupervised", "first"
        return "das-annotated", "mean"


METHODS = ("KeypointDeformer", "Skeleton Merger", "SC3K", "Key-Grid")

_COMPARED = {
    ("ShapeNetCoreV2", AVERAGE, "das", 10): (67.7, 65.8, 69.7, 72.8),
    ("ShapeNetCoreV2", AVERAGE, "miou", 10): (40.7, 45.6, 38.7, 49.0),
    ("ClothesNet drop", AVERAGE, "das", 8): (81.8, 67.5, 68.4, 89.8),
    ("ClothesNet drag", AVERAGE, "das", 8): (57.9, 58.6, 48.6, 67.7),
    ("ClothesNet fold", "shirt", "das", 8): (81.6, 79.5, 53.6, 92.0),
    ("ClothesNet fold", "pants", "das", 8): (72.4, 71.4, 32.1, 100.0),
}

_SHAPENET = {
    "airplane": (84.7, 74.4),
    "bed": (70.6, 51.2),
    "bottle": (66.2, 38.7),
    "cap": (58.5, 17.6),
    "car": (84.5, 56.1),
    "chair": (93.4, 65.4),
    "guitar": (69.1, 56.2),
    "helmet": (62.5, 39.2),
    "knife": (60.9, 46.8),
    "motorbike": (63.7, 48.2),
    "mug": (79.4, 24.3),
    "table": (78.6, 66.5),
    "vessel": (74.6, 52.4),
}
"""DAS and mIoU of Key-Grid."""

PUBLISHED: tuple[Published, ...] = (
    *(
        Published(method, data, category, metric, value, keypoints)
        for (data, category, metric, keypoints), values in _COMPARED.items()
        for method, value in zip(METHODS, values, strict=True)
    ),
    *(
        Published("Key-Grid", "ShapeNetCoreV2", category, metric, value, 10)
        for category, values in _SHAPENET.items()
        for metric, value in zip(("das", "miou"), values, strict=True)
    ),
    *(
        Published(
            "Key-Grid with the USEEK student", "ClothesNet fold, random SE(3)", category, "das", value, 8
        )
        for category, value in (("shirt", 90.2), ("pants", 98.2))
    ),
)
"""The paper's tables."""

ABLATED = (
    ("ShapeNetCoreV2", "airplane"),
    ("ShapeNetCoreV2", "chair"),
    ("ClothesNet fold", "shirt"),
    ("ClothesNet fold", "pants"),
)

_ABLATION = {
    "full": (84.7, 93.4, 92.0, 100.0),
    "no encoder features in the decoder": (73.4, 82.6, 81.7, 90.8),
    "no grid heatmap": (73.2, 81.7, 79.5, 87.5),
    "no similarity loss": (71.5, 78.6, 77.7, 84.5),
    "no farthest point loss": (15.6, 13.7, 17.9, 17.0),
}

ABLATION: tuple[Published, ...] = tuple(
    Published(f"Key-Grid, {without}", data, category, "das", value, None)
    for without, values in _ABLATION.items()
    for (data, category), value in zip(ABLATED, values, strict=True)
)
"""The paper's ablation, Table 5."""

REPRODUCED: tuple[Published, ...] = (
    Published("Key-Grid", "ShapeNetCoreV2", "chair", "das", 73.0, None, "a reader, with the released code"),
    Published("Key-Grid", "ShapeNetCoreV2", "airplane", "das", 72.0, 10, "a second group"),
    Published("Key-Grid", "ShapeNetCoreV2", "airplane", "miou", 59.0, 10, "a second group"),
    Published("Key-Grid", "ShapeNetCoreV2", AVERAGE, "das", 63.0, None, "a third group, at the least"),
    Published("Key-Grid", "ShapeNetCoreV2", AVERAGE, "das", 67.0, None, "a third group, at the most"),
)
"""What others reached when they tried."""
