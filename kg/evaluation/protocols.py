"""Protocols: what a published table measures and how, and a stricter way of our own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kg.errors import unknown_name
from kg.evaluation.metrics.metric import Space


@dataclass(frozen=True)
class Protocol:
    """One way to come to a result. A result under its name keeps to all of it.

    Attributes:
        name: As typed on the command line.
        title: One line for people.
        source: Who published it.
        leading: What it measures first where the data allow: the headline on things that deform.
        metrics: What it measures; "das" stands for the one that the data allow.
        optional: What it measures too where the data allow.
        thresholds: Of metrics that do not have their own default.
        spaces: The same.
        self_pairs: Whether a shape is also compared with itself.
        snap: Whether keypoints move to the nearest cloud point before mIoU.
        splits: On which parts of the data.
        split_by: How they must have been split; None for any way.
        sequences_by_frame: Objects of several frames must have been split by frame.
        corruption: What is done to clouds before the detector sees them, and at which level.
        runs: How many trainings, with different seeds, a result ought to be the mean of.
        caution: What has to be said with its results.
    """

    name: str
    title: str
    source: str
    metrics: tuple[str, ...]
    optional: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    spaces: Mapping[str, Space] = field(default_factory=dict)
    self_pairs: bool = False
    snap: bool = True
    splits: tuple[str, ...] = ("test",)
    split_by: Literal["object", "frame"] | None = None
    sequences_by_frame: bool = False
    corruption: tuple[str, float] | None = None
    leading: tuple[str, ...] = ()
    runs: int = 1
    caution: str = ""

    def covers(self, metric: str) -> bool:
        """Tell whether a metric's result is one of the protocol; our own covers all."""
        metrics = {*self.metrics, *self.optional}
        return self.name == STRICT or metric in metrics or (metric in ANY_DAS and "das" in metrics)


STRICT = "strict"
ANY_DAS = ("das-annotated", "das-unsupervised")

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name=STRICT,
            title="objects never seen in training, no shape compared with itself, mean over runs",
            source="kg",
            metrics=("das",),
            optional=("miou", "pck", "reliability"),
            leading=("correspondence", "correspondence-visible", "correspondence-symmetric", "das-rest"),
            split_by="object",
            runs=3,
        ),
        Protocol(
            name="paper",
            title="DAS with self-pairs, mIoU at 0.1 in the data set's units; garments by frames",
            source="Key-Grid, NeurIPS 2024; counted as in Skeleton Merger, CVPR 2021",
            metrics=("das",),
            optional=("das-unsupervised", "miou"),
            thresholds={"miou": 0.1},
            self_pairs=True,
            sequences_by_frame=True,
        ),
        Protocol(
            name="sc3k",
            title="DAS against the first shape, coverage, inclusivity at 0.05, normalised",
            source="SC3K, ICCV 2023",
            metrics=("das-unsupervised", "coverage", "inclusivity"),
            thresholds={"inclusivity": 0.05},
        ),
        Protocol(
            name="useek",
            title="DAS with self-pairs, mIoU at 0.2 normalised and unsnapped, each shape turned at random",
            source="USEEK, ICRA 2023",
            metrics=("das-annotated", "miou"),
            thresholds={"miou": 0.2},
            spaces={"miou": "normalised"},
            self_pairs=True,
            snap=False,
            corruption=("rotation", 180),
            caution="USEEK picks by hand which keypoints and landmarks count; here all do.",
        ),
        Protocol(
            name="se3",
            title="each shape turned at random: keypoints carried back, how far they moved, rotation error",
            source="kg",
            metrics=("das", "equivariance", "rotation-error"),
            optional=("miou", "das-rest", "correspondence", "correspondence-symmetric"),
            split_by="object",
            corruption=("rotation", 180),
        ),
        Protocol(
            name="keypointnet",
            title="mIoU at 0 to 0.1 along the surface, by a graph of 20 neighbours",
            source="KeypointNet, CVPR 2020",
            metrics=("miou-geodesic",),
            thresholds={"miou-geodesic": 0.1},
        ),
    )
}
"""Every protocol by its name."""


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name.

    Raises:
        KgError: There is none.
    """
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
