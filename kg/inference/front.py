"""The way in from Python and for commands: a detector by its name, and keypoints of whatever is named."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from kg.config import Inference
from kg.data import Store
from kg.data.dataset import Split
from kg.data.find import StoreQuery, check_same
from kg.devices import choose_device
from kg.errors import KgError
from kg.inference.alignment import align as aligned
from kg.inference.alignment import category_keypoints
from kg.inference.options import DetectOptions, ViewOptions
from kg.inference.poses import Up
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor
from kg.inference.redetection import Redetection, detector_of
from kg.inference.shapes import predict_files, predict_store
from kg.inference.targets import Named
from kg.model.turns import Search
from kg.ops.precision import Precision

Part = Literal["train", "val", "test", "all"]


def load(
    named: Named = "latest",
    *,
    checkpoint: str | None = None,
    device: torch.device | str | None = None,
    up: Up = "z",
    anchors: str | None = None,
    search: Search = "none",
    views: int = 1,
) -> Predictor:
    """Load a trained detector. Call it with points to get their keypoints.

    Args:
        named: A run's folder or name, "latest", a checkpoint file (of kg, or of the released Key-Grid), or
            a file of predictions, for the detector that made it.
        checkpoint: Of a run: "best", "last" or a file in its folder. Default: best.
        device: "cpu", "cuda", "cuda:1" or a device. Default: the best there is.
        up: The axis of your clouds that lies as z did in training.
        anchors: Where keypoints are read out instead of where the training had them, of detectors such as
            `follow`: "farthest", "landmarks", a run, "SHAPE:PICKS"; see `kg docs training`.
        search: Turns in which a cloud may lie, where nobody knows: "yaw" about the vertical, "sides" with
            either side up as well. `follow` sees which it is; with other detectors the surest one counts.
            "tilts": tilted forwards, backwards, to a side or not at all; the surest counts.
        views: In how many views each cloud is seen, mirrored and turned a little: `follow` gets better by it,
            and slower.

    Raises:
        KgError: There is no such run or checkpoint, or the detector does not know the anchors.

    Example:
        >>> detector = kg.load("latest")
        >>> detection = detector(points)  # (N, 3) or (B, N, 3), your own units
        >>> detection.keypoints, detection.indices, detection.confidences
    """
    view = ViewOptions(up, anchors, search, views)
    return Predictor.load(named, checkpoint, _device(device), view)


def predict(
    named: "Named | Predictor" = "latest",
    files: Sequence[Path | str] | None = None,
    *,
    store: Path | str | None = None,
    category: str | None = None,
    variant: str | None = None,
    split: Part = "test",
    inference: Inference | None = None,
    batch_size: int = 8,
    precision: Precision = "fp32",
    dense: bool = False,
    track: bool = False,
    align: bool = False,
    turned: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predictions:
    """Return the keypoints of files or of a prepared store's shapes.

    Args:
        named: A detector that is loaded, or whatever `load` takes.
        files: Meshes and clouds. Without them the store is predicted.
        store: A prepared store; by default the one that the detector was trained on.
        category: For a detector of several: which of its stores, or what the files are.
        variant: Which of the detector's stores.
        split: Which shapes of the store.
        inference: "soft" or "hard"; the run's own by default.
        batch_size: Clouds at a time.
        precision: Of matrix products.
        dense: Also say where on its object at rest every point lies, for detectors that know.
        track: See each frame of an object in the light of the others; files are frames of one object.
        align: Also say each shape's rotation to the frame of its category, `rotations`, by its keypoints.
        turned: Seed of a random turn of each shape, which is then what is predicted.
        progress: Called with (done, total).

    Raises:
        KgError: There is no such detector, store or file, options exclude each other, a file cannot be read,
            or the detector does not say where points lie.
    """
    if files is not None and store is not None:
        raise KgError("Files and a store exclude each other.", "Leave one of them out.")
    if variant is not None and (files is not None or store is not None):
        raise KgError("A variant is one of the detector's own stores.", "Leave it out.")
    if category is not None and store is not None:
        raise KgError("A store and a category exclude each other.", "Leave one of them out.")
    detector = named if isinstance(named, Predictor) else load(named)
    options = DetectOptions(inference, batch_size, precision, dense, track)
    if files is not None:
        paths = [Path(file) for file in files]
        predictions = predict_files(
            detector, paths, options=options, category=category, turned=turned, progress=progress
        )
    else:
        predictions = predict_store(
            detector,
            store=None if store is None else Path(store),
            query=StoreQuery(category, variant=variant),
            split=_split(split),
            options=options,
            turned=turned,
            progress=progress,
        )
    return aligned(predictions, category_keypoints(detector)) if align else predictions


def predictions_of(
    named: Predictions | Named,
    advance: Callable[..., None] = lambda done, total, text="": None,
    *,
    split: Part | None = None,
    checkpoint: str | None = None,
    store: Path | None = None,
    device: torch.device | str | None = None,
    seed: int = 0,
    redetect: bool = False,
) -> tuple[Predictions, Redetection | None]:
    """Return the predictions of whatever is named, and the detector that made them.

    Args:
        named: Predictions, or anything of `kg.inference.targets`. A file of predictions is read, all else is
            predicted.
        advance: Called with (done, total).
        split: Of what is predicted; the test split by default.
        checkpoint: For a run; its best by default.
        store: What to predict; by default what the detector was trained on. For a file of predictions the
            store that it is of, where that is not found by itself.
        device: Where to detect. Default: the best there is.
        seed: Of what is random in a corruption.
        redetect: Whether the detector that made predictions is needed. It may not be here.

    Raises:
        KgError: There is no such thing, or an option does not go with it.
    """
    if isinstance(named, Predictions) or (named is not None and Path(named).suffix == ".npz"):
        title = "What is given" if isinstance(named, Predictions) else str(named)
        for option, value in (("--split", split), ("--checkpoint", checkpoint)):
            if value is not None:
                raise KgError(
                    f"{title} is predicted already: {option} is for runs.",
                    f"Leave {option} out, or predict again with: kg predict {option} {value}",
                )
        predictions = named if isinstance(named, Predictions) else Predictions.load(named)
        predictions = _moved(predictions, store, title)
        maker = detector_of(predictions.meta, _device(device)) if redetect else None
        return predictions, None if maker is None else Redetection(maker, predictions, seed, advance)
    detector = Predictor.load(named, checkpoint, _device(device))
    predictions = predict_store(detector, store=store, split=_split(split or "test"), progress=advance)
    return predictions, Redetection(detector, predictions, seed, advance)


def _device(device: torch.device | str | None) -> torch.device:
    return choose_device() if device is None else torch.device(device)


def _split(part: Part) -> Split | None:
    return None if part == "all" else part


def _moved(predictions: Predictions, store: Path | None, name: str) -> Predictions:
    """Return predictions that name the store where the user says that it lies."""
    if store is None:
        return predictions
    made_of = predictions.meta.get("store")
    if not made_of:
        raise KgError(f"{name} is of files, not of a prepared store.", "Leave --store out.")
    opened = check_same(Store(store), made_of["checksum"], name)
    place = {**made_of, "path": str(opened.path.resolve())}
    return replace(predictions, meta={**predictions.meta, "store": place})
