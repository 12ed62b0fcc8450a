"""Figures that others published, to stand beside our own: read off their papers, measured by nobody here.

Not all could be reproduced: `REPRODUCED` holds what others reached with the released code.
"""

from dataclasses import dataclass

PAPER = "Hou et al., Key-Grid, NeurIPS 2024, arXiv 2410.02237"
AVERAGE = "average"
"""Category of the mean over the 13 categories of a table."""


@dataclass(frozen=True)
class Published:
    """One result of a table.

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
        """The metric, of `kg.evaluation.metrics.METRICS`, and its part that count as this result does.

        Garments have no annotations: their keypoints are compared with those of the first shape alone.
        """
        if self.metric != "das":
            return self.metric, "value"
        if self.data.startswith("ClothesNet"):
            return "das-unsupervised", "first"
        return "das-annotated", "mean"


DETECTORS = {
    "keypoint-deformer": "KeypointDeformer",
    "skeleton-merger": "Skeleton Merger",
    "sc3k": "SC3K",
    "key-grid": "Key-Grid",
}
"""Methods with published results, by the names of kg's detectors."""

_COMPARED = {
    ("ShapeNetCoreV2", AVERAGE, "das", 10): (67.7, 65.8, 69.7, 72.8),
    ("ShapeNetCoreV2", AVERAGE, "miou", 10): (40.7, 45.6, 38.7, 49.0),
    ("ClothesNet drop", AVERAGE, "das", 8): (81.8, 67.5, 68.4, 89.8),
    ("ClothesNet drag", AVERAGE, "das", 8): (57.9, 58.6, 48.6, 67.7),
    ("ClothesNet fold", "shirt", "das", 8): (81.6, 79.5, 53.6, 92.0),
    ("ClothesNet fold", "pants", "das", 8): (72.4, 71.4, 32.1, 100.0),
}

_SHAPENET = {
    "airplane": ((73.4, 53.3), (77.8, 73.5), (82.9, 74.9), (84.7, 74.4)),
    "bed": ((69.5, 40.7), (61.3, 59.9), (64.9, 19.9), (70.6, 51.2)),
    "bottle": ((60.3, 34.0), (59.9, 36.5), (62.7, 38.0), (66.2, 38.7)),
    "cap": ((56.7, 9.3), (53.1, 15.5), (59.7, 11.3), (58.5, 17.6)),
    "car": ((80.2, 53.8), (79.5, 53.3), (75.2, 33.2), (84.5, 56.1)),
    "chair": ((84.3, 62.0), (76.8, 60.0), (87.0, 39.8), (93.4, 65.4)),
    "guitar": ((62.9, 52.6), (63.2, 49.7), (65.7, 68.0), (69.1, 56.2)),
    "helmet": ((55.3, 13.5), (57.0, 16.7), (58.6, 17.6), (62.5, 39.2)),
    "knife": ((59.8, 38.1), (60.4, 45.0), (63.0, 47.9), (60.9, 46.8)),
    "motorbike": ((61.5, 45.7), (57.8, 39.7), (59.4, 39.7), (63.7, 48.2)),
    "mug": ((69.8, 12.6), (67.2, 23.6), (75.3, 18.4), (79.4, 24.3)),
    "table": ((72.6, 62.0), (70.0, 60.9), (76.0, 46.4), (78.6, 66.5)),
    "vessel": ((73.9, 51.2), (72.4, 58.9), (76.0, 47.5), (74.6, 52.4)),
}
"""DAS and mIoU of each method. The DAS of Skeleton Merger and SC3K are quoted there from their own papers,
and SC3K's own DAS needs no annotations; the mIoU are its authors' runs of the released code."""

PUBLISHED: tuple[Published, ...] = (
    *(
        Published(method, data, category, metric, value, keypoints)
        for (data, category, metric, keypoints), values in _COMPARED.items()
        for method, value in zip(DETECTORS.values(), values, strict=True)
    ),
    *(
        Published(method, "ShapeNetCoreV2", category, metric, value, 10)
        for category, of_method in _SHAPENET.items()
        for method, values in zip(DETECTORS.values(), of_method, strict=True)
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

DEFORMATIONS = ("drop", "drag", "fold")
"""How the paper deforms garments: what the variant of a store begins with."""

SHAPENET = ("shapenet", "keypointnet")
"""Data sets whose shapes are ShapeNet's."""

PANTS = {"long-pants": "pants"}
"""What the paper calls a category."""


def published_on(dataset: str, category: str, variant: str) -> list[Published]:
    """Return what others published on data like a prepared store's; nothing where they have nothing."""
    names, data = [category], "ShapeNetCoreV2"
    if (deformation := variant.partition("-")[0]) in DEFORMATIONS:
        names, data = [PANTS.get(category, category), AVERAGE], f"ClothesNet {deformation}"
    elif dataset not in SHAPENET:
        return []
    known = (*PUBLISHED, *REPRODUCED)
    return [result for result in known if result.data == data and result.category in names]
