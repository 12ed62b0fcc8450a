"""Where on the object at rest keypoints are read out: by a rule, as a detector finds them, or picked."""

import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kg import paths
from kg.data.read import naming, read_shape
from kg.data.sample import farthest_points
from kg.errors import KgError
from kg.model import Examples
from kg.model.checkpoint import SUFFIXES, checkpoints, load_checkpoint
from kg.model.normalisation import normalised
from kg_detectors.follow.template import Template

Floats = NDArray[np.float64]

KINDS = ("seams", "sure", "farthest", "landmarks")
KNOWN = f"{', '.join(KINDS)}, a run that found keypoints at rest, or SHAPE:PICKS"
SEAMS = 0.25
"""Share of the places that count as on seams: those where a mistake of the layer costs least."""
SURE = 0.5
"""Share of the places that sure keypoints are chosen from. With fewer a sleeve or a leg may have none."""
MARKS = 32
"""Landmarks of a category that are kept, at most."""


def check_anchors(named: str) -> None:
    """Check that anchors are of a kind, a run that is here, or picked on a shape that is here.

    Raises:
        KgError: They are not; names what they can be.
    """
    shape, colon, _ = named.rpartition(":")
    if named not in KINDS and run_file(named) is None and not (colon and Path(shape).is_file()):
        raise KgError(f"anchors must be {KNOWN}, not '{named}'.", "Runs that are here: kg list runs")


def find_anchors(
    named: str, template: Template, landmarks: Floats, count: int, misses: Floats | None = None
) -> Floats:
    """Return the places that keypoints are read out at, (K, 3) in [-1, 1] of the object's box at rest.

    Args:
        named: "seams", far apart where it matters least which layer they are on; "sure", far apart where
            keypoints miss their places the least; "farthest", far apart; "landmarks", the first of the data
            set; a run or checkpoint, whose detector finds keypoints on the template; SHAPE:PICKS, a mesh or
            cloud at rest and, by commas, numbers of its points, or a file of positions on it.
        template: Of the category.
        landmarks: (L, 3) places of the landmarks, NaN where there is none.
        count: K for what is chosen by a rule; a run and picks bring their own.
        misses: (M,) by how much keypoints at the template's places miss them; None or NaN: not measured.

    Raises:
        KgError: There are none such, or fewer than K landmarks.
    """
    check_anchors(named)
    if named == "seams":
        return template.places[template.spread(count, template.cost_of_layers(), SEAMS)]
    if named == "sure":
        if misses is None or not np.isfinite(misses).all():
            raise KgError(
                "Where the keypoints of this detector miss the least was not measured in its training.",
                "Train it with validation clouds of each category, or ask for other anchors: seams.",
            )
        return template.places[template.spread(count, misses, SURE)]
    if named == "farthest":
        return template.places[farthest_points(template.stretched, count)]
    if named == "landmarks":
        known = landmarks[np.isfinite(landmarks).all(1)]
        if len(known) < count:
            raise KgError(
                f"{count} keypoints cannot lie on {len(known)} landmarks.",
                f"Ask for fewer, -k {len(known)}, or for other anchors: --set detector.anchors=seams.",
            )
        return known[:count]
    file = run_file(named)
    return _picked(named) if file is None else _found(file, template)


def run_file(named: str) -> Path | None:
    """Return the checkpoint of a run, by its name or folder, or the file itself; None if there is none."""
    there, run = Path(named).expanduser(), paths.runs() / named
    files = [there, *checkpoints(there), *checkpoints(run)]
    return next((file for file in files if file.suffix in SUFFIXES and file.is_file()), None)


@torch.no_grad()
def _found(file: Path, template: Template) -> Floats:
    """Return the points of the template that are nearest to what a detector finds on it."""
    checkpoint = load_checkpoint(file, torch.device("cpu"))
    config = checkpoint.config
    # Its points come farthest first, so that the first ones are an even cloud too.
    surface = template.surface[: config.train.points]
    cloud = torch.from_numpy((surface * template.extent / 2).astype(np.float32))[None]
    detections = checkpoint.model.find(normalised(cloud, config.model.normalisation)[0])
    places: Floats = surface[detections.indices[0].numpy()]
    return places


def _picked(named: str) -> Floats:
    """Return where picked points of a shape lie in its box."""
    file, _, picks = named.rpartition(":")
    points = read_shape(Path(file)).vertices
    if re.fullmatch(r"\d+(,\d+)*", picks):
        numbers = np.array(picks.split(","), dtype=np.int64)
        if numbers.max() >= len(points):
            raise KgError(f"{file} has {len(points)} points; none has the number {numbers.max()}.")
        picked = points[numbers]
    else:
        with naming(Path(picks)):
            picked = read_shape(Path(picks)).vertices
    low, high = points.min(0), points.max(0)
    places: Floats = (2 * picked - low - high) / np.where(high > low, high - low, 1)
    return places.clip(-1, 1)


def landmark_places(examples: Examples) -> Floats:
    """Return where each kind of landmark lies at rest, (L, 3) in [-1, 1], in the order of their ids.

    Of each cloud that is the place of the point nearest to the landmark; of all clouds, the median.
    """
    if examples.landmarks is None or examples.landmark_ids is None or examples.rest is None:
        return np.empty((0, 3))
    points, rest = examples.points.numpy(), examples.rest.numpy()
    positions, ids = examples.landmarks.numpy(), examples.landmark_ids.numpy()
    places: dict[int, list[NDArray[np.floating]]] = {}
    for row in range(len(points)):
        for position, name in zip(positions[row], ids[row], strict=True):
            if name >= 0:
                nearest = np.square(points[row] - position).sum(1).argmin()
                places.setdefault(int(name), []).append(rest[row, nearest])
    return np.array([np.median(places[name], axis=0) for name in sorted(places)]).reshape(-1, 3)
