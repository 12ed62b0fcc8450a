"""Figures that others published, to stand beside one's own; none of them is measured by kg."""

from dataclasses import dataclass

SOURCE = "Hou et al., NeurIPS 2024"

ABLATION_COLUMNS = ("airplane", "chair", "folded shirt", "folded pants")

ABLATIONS: dict[tuple[str, ...], dict[str, float]] = {
    without: dict(zip(ABLATION_COLUMNS, figures, strict=True))
    for without, figures in {
        (): (84.7, 93.4, 92.0, 100.0),
        ("encoder-features",): (73.4, 82.6, 81.7, 90.8),
        ("heatmap",): (73.2, 81.7, 79.5, 87.5),
        ("similarity",): (71.5, 78.6, 77.7, 84.5),
        ("farthest-point",): (15.6, 13.7, 17.9, 17.0),
    }.items()
}
"""DAS of Key-Grid without some of its parts, in percent: Table 5. The names are those of
`kg.config.ABLATIONS`."""


@dataclass(frozen=True)
class Published:
    """A figure of the paper, in percent.

    Attributes:
        method: Whose figure it is.
        data: What it was measured on, as the paper says it.
        metric: Name in `kg.metrics.METRICS` of the metric that counts the same way.
        part: Of the metric.
        value: The figure.
        keypoints: K.
    """

    method: str
    data: str
    metric: str
    part: str
    value: float
    keypoints: int


METHODS = ("KeypointDeformer", "Skeleton Merger", "SC3K", "Key-Grid")

SHAPENET = {
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
"""DAS with annotations and mIoU at 0.1 of Key-Grid on ShapeNetCoreV2, K = 10: Table 1."""

GARMENTS = {
    ("shirt", "fold"): (81.6, 79.5, 53.6, 92.0),
    ("long-pants", "fold"): (72.4, 71.4, 32.1, 100.0),
}
"""DAS without annotations of `METHODS` on folded ClothesNet garments, K = 8, frames of one garment."""

GARMENT_AVERAGES = {"drop": (81.8, 67.5, 68.4, 89.8), "drag": (57.9, 58.6, 48.6, 67.7)}
"""The same on dropped and dragged ones, averaged over 13 garments."""


def published(category: str, variant: str) -> list[Published]:
    """Return what the paper has for data like a prepared store's; nothing where it has nothing."""
    if category in SHAPENET:
        das, miou = SHAPENET[category]
        data = f"ShapeNetCoreV2 {category}"
        return [
            Published("Key-Grid", data, "das-annotated", "mean", das, 10),
            Published("Key-Grid", data, "miou", "value", miou, 10),
        ]
    figures, data = GARMENTS.get((category, variant)), f"ClothesNet {category}, {variant}"
    if figures is None:
        figures, data = GARMENT_AVERAGES.get(variant), f"ClothesNet, {variant}, mean of 13"
    return [
        Published(method, data, "das-unsupervised", "first", value, 8)
        for method, value in zip(METHODS, figures or (), strict=False)
    ]
