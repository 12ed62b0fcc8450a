"""Keypoints that mean the same on every shape of a category, learnt without labels.

Example:
    >>> import kg
    >>> detector = kg.load("latest")  # a run, a checkpoint file, or predictions
    >>> detection = detector(points)  # (N, 3) or (B, N, 3), arrays or tensors, in your own units
    >>> detection.keypoints, detection.indices, detection.confidences
    >>> predictions = kg.predict("latest", ["scan.ply"])
    >>> results = kg.evaluate("latest", ["das", "correspondence"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kg.devices import share_cpu
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data.store import Store
    from kg.evaluation.front import evaluate
    from kg.inference.front import load, predict
    from kg.inference.predictions import Predictions

__version__ = "0.1.0"
__all__ = ["KgError", "Predictions", "Store", "evaluate", "load", "predict"]

_PLACES = {
    "Predictions": "kg.inference.predictions",
    "Store": "kg.data.store",
    "evaluate": "kg.evaluation.front",
    "load": "kg.inference.front",
    "predict": "kg.inference.front",
}

share_cpu()  # before anything of kg loads PyTorch


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import kg` and `kg --help` load no PyTorch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'kg' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
