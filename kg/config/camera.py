"""A camera, from what a user types."""

from collections.abc import Mapping

from kg.config.values import read_values
from kg.data.camera import Camera


def camera(options: Mapping[str, str], up: str) -> Camera:
    """Return a camera with some of its options given as text, `up` unless they say otherwise.

    Raises:
        KgError: There is no such option, or a value is none.
    """
    values = read_values(Camera, options, "the camera", "camera.")
    return Camera(**{"up": up, **values})
