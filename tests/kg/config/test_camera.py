"""A camera by the words of a user."""

import pytest

from kg.config.camera import camera
from kg.data.camera import Camera
from kg.errors import KgError


def test_options_as_text() -> None:
    assert camera({"azimuth": "30", "noise": "1e-3", "up": "y"}, "z") == Camera(30, noise=0.001)
    assert camera({}, "z") == Camera(up="z")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"azimut": "3"}, "Did you mean 'azimuth'"),
        ({"noise": "much"}, "It takes a number"),
        ({"elevation": "91"}, "between -90 and 90"),
        ({"field_of_view": "nan"}, "between 1 and 150"),
        ({"noise": "-1"}, "between 0 and inf"),
        ({"up": "x"}, "Known: y, z"),
        ({"per": "scene"}, "Known: object, cloud"),
    ],
)
def test_options_that_make_no_sense(given: dict[str, str], said: str) -> None:
    with pytest.raises(KgError) as caught:
        camera(given, "y")
    assert said in caught.value.hint
