"""What `kg eval` and `kg compare` measure: a run, predicted first, or what `kg predict` wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kg.cli.options import Part
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.inference.predictions import Predictions
    from kg.inference.redetection import Redetection


def predicted(
    target: Path | None,
    advance: Callable[..., None],
    *,
    split: Part | None = None,
    checkpoint: str | None = None,
    store: Path | None = None,
    gpu: int | None = None,
    cpu: bool = False,
    seed: int = 0,
    again: bool = False,
) -> "tuple[Predictions, Redetection | None]":
    """Return predictions, and their detector: a run's own, a file's where it is here and wanted again.

    Args:
        target: A file of predictions, or a run; by default the latest.
        advance: Called with (done, total).
        split: For a run; its test split by default.
        checkpoint: For a run; its best by default.
        store: For a run; its own by default.
        gpu: Its number; by default the first there is.
        cpu: Not on a GPU.
        seed: Of what is random in a corruption.
        again: Whether a file's detector is wanted.

    Raises:
        KgError: There is no such run or file, or options of a run are given for a file.
    """
    if target is None or target.suffix != ".npz":
        from kg.devices import choose_device
        from kg.inference.predictor import Predictor, predict_store
        from kg.inference.redetection import Redetection

        detector = Predictor.load(target, checkpoint or "best", choose_device(gpu, cpu))
        part = None if split == "all" else split or "test"
        found = predict_store(detector, store=store, split=part, progress=advance)
        return found, Redetection(detector, found, seed, advance)

    from kg.inference.predictions import Predictions

    for option, value in (("--split", split), ("--checkpoint", checkpoint), ("--store", store)):
        if value is not None:
            raise KgError(
                f"{target} is predicted already: {option} is for runs.",
                f"Leave {option} out, or predict again with: kg predict {option} {value}",
            )
    found = Predictions.load(target)
    if not again:
        return found, None

    from kg.devices import choose_device
    from kg.inference.redetection import Redetection, detector_of

    known = detector_of(found.meta, choose_device(gpu, cpu))
    return found, None if known is None else Redetection(known, found, seed, advance)
