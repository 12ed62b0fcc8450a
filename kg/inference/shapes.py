"""Keypoints of the clouds of a prepared store, and of files."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kg.config.stores import choose_store
from kg.data.batches import thin
from kg.data.corruptions import ROTATION, corrupt
from kg.data.dataset import Split
from kg.data.find import StoreQuery
from kg.data.normalise import normalise
from kg.data.read import naming, read_shape, require_utf8
from kg.data.sample import sample_shape
from kg.data.store import Clouds, Store
from kg.errors import KgError
from kg.inference.options import USUAL, DetectOptions
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor, Progress

ANY_TURN = (ROTATION, 180)
"""The corruption that turns clouds any way, and its level."""
SEQUENCE = "sequence"
"""What files are called that are frames of one object."""


def predict_store(
    detector: Predictor,
    *,
    store: Path | None = None,
    query: StoreQuery | None = None,
    split: Split | None = "test",
    options: DetectOptions = USUAL,
    turned: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Predictions:
    """Return the keypoints of a prepared store's clouds.

    Args:
        detector: What to detect with.
        store: The store; by default one that the detector was trained on, wherever it lies now.
        query: Which of those, where there are several.
        split: Which part, by the detector's own way of splitting; None for all.
        options: How.
        turned: Seed of a random turn of each cloud, which is then what is predicted; None for none.
        progress: Called with (done, total).

    Raises:
        KgError: The store is gone or was changed since the training, it is not clear which one is meant, the
            split is empty, or the detector does not say where points lie.
    """
    config = detector.checkpoint.config
    data = config.data
    opened = Store(store) if store else choose_store(data, query or StoreQuery())
    clouds = opened.read(split, data.split_by)
    if len(clouds) == 0:
        # A sequence of one object cannot be split by object.
        other = ", or train with --split-by frame" if data.split_by == "object" else ""
        raise KgError(
            f"The split '{split}' of {opened.name}, by {data.split_by}, is empty.",
            f"Choose another with --split{other}.",
        )
    meta = {
        "dataset": opened.dataset,
        "category": opened.category,
        "variant": opened.variant,
        "store": {"path": opened.place, "checksum": opened.checksum},
        "other_store": opened.checksum not in data.checksums.values(),
        "split": split or "all",
        "split_by": data.split_by,
        "unit": opened.unit,
    }
    category = detector.known(opened.category)
    return _detected(detector, clouds, turned, options, category=category, meta=meta, progress=progress)


def predict_files(
    detector: Predictor,
    files: Sequence[Path],
    *,
    options: DetectOptions = USUAL,
    category: str | None = None,
    turned: int | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Predictions:
    """Return the keypoints of shapes in files, meshes or clouds, sampled to the N of the training.

    A file that cannot be read, or has fewer points than needed, is left out with a warning; `meta["skipped"]`
    lists them with the reasons.

    Args:
        detector: What to detect with.
        files: Meshes and clouds.
        options: How; with `track` the files are frames of one object.
        category: Of all shapes, for a detector that was trained on several; it recognises them otherwise.
        turned: Seed of a random turn of each cloud, which is then what is predicted; None for none.
        seed: Of the samples on meshes.
        progress: Called with (done, total).

    Raises:
        KgError: No file can be read, the name of one cannot be stored, the category is unknown, or the
            detector does not say where points lie.
    """
    names = [str(file) for file in files]
    require_utf8(names)
    detector.check_category(category)
    count = detector.checkpoint.config.train.points
    points, scalings = [], []
    read: list[str] = []
    skipped: dict[str, KgError] = {}
    for number, (name, file) in enumerate(zip(names, files, strict=True)):
        try:
            shape = read_shape(file)
            with naming(file):
                cloud, _ = sample_shape(shape, count, np.random.default_rng([seed, number]))
                scaling = normalise(cloud, detector.normalisation)
        except KgError as error:
            skipped[name] = error
            continue
        for note in shape.notes:
            warnings.warn(f"{name}: {note}", stacklevel=2)
        read.append(name)
        points.append(scaling.to_normalised(cloud))
        scalings.append(scaling)
    if not read:
        raise next(iter(skipped.values()))
    for problem in skipped.values():
        told = f"{problem.message.removesuffix('.')}. It is left out. {problem.hint}"
        warnings.warn(told.strip(), stacklevel=2)
    clouds = Clouds(
        ids=read,
        objects=[SEQUENCE] * len(read) if options.track else read,
        frame=np.arange(len(read), dtype=np.int32) if options.track else np.zeros(len(read), np.int32),
        points=np.stack(points),
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
    )
    meta: dict[str, Any] = {"store": {}, "split": "files", "unit": "as in the files"}
    if skipped:
        meta["skipped"] = {name: error.message for name, error in skipped.items()}
    return _detected(detector, clouds, turned, options, category=category, meta=meta, progress=progress)


def _detected(
    detector: Predictor,
    clouds: Clouds,
    turned: int | None,
    options: DetectOptions,
    *,
    category: str | None,
    meta: dict[str, Any],
    progress: Progress,
) -> Predictions:
    """Return the keypoints of clouds, which are turned first where a seed says so."""
    detect = partial(detector.detect, options=options, category=category, progress=progress)
    if turned is None:
        return detect(clouds, meta=meta)
    # Thinned first, as by a protocol that turns what was predicted.
    thinned = replace(clouds, points=thin(clouds.points, detector.checkpoint.config.train.points))
    seen, undo = corrupt(thinned, *ANY_TURN, turned)
    return replace(detect(seen, meta=meta | {"turned": turned}), turns=undo.turns)
