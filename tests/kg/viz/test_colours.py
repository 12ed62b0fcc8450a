"""Colours are told apart, by everyone. The sums are those of OKLab (Ottosson 2020) and Machado (2009)."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.viz.colours import PALETTE, ink, keypoint_colours, mix, place_colours

LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
SIGHTS = {
    "normal": np.eye(3),
    "protanope": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranope": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanope": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def oklab(colours: NDArray[np.float64], sight: str) -> NDArray[np.float64]:
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ SIGHTS[sight].T, 0, 1)
    return np.asarray(np.cbrt(seen @ LMS.T) @ LAB.T)


def closest_pair(colours: NDArray[np.float64], sight: str) -> float:
    lab = oklab(colours, sight)
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return float(distances[np.triu_indices(len(lab), 1)].min())


# A difference of 0.02 is just noticeable; these are what the palette reaches, rounded down.
@pytest.mark.parametrize(
    ("sight", "first_eight", "all_of_them"),
    [
        ("normal", 0.16, 0.08),
        ("protanope", 0.08, 0.055),
        ("deuteranope", 0.09, 0.045),
        ("tritanope", 0.06, 0.035),
    ],
)
def test_the_colours_are_told_apart(sight: str, first_eight: float, all_of_them: float) -> None:
    assert closest_pair(keypoint_colours(8), sight) >= first_eight
    assert closest_pair(keypoint_colours(24), sight) >= all_of_them


def test_the_colours_stand_out_from_paper_and_cloud() -> None:
    others = np.array([[1.0, 1.0, 1.0], [0.72, 0.75, 0.79]])
    for grey in others:
        distance = np.linalg.norm(oklab(keypoint_colours(24), "normal") - oklab(grey, "normal"), axis=1)
        assert distance.min() > 0.08


def test_a_keypoint_keeps_its_colour_whatever_the_number_of_keypoints() -> None:
    np.testing.assert_array_equal(keypoint_colours(24)[:8], keypoint_colours(8))
    np.testing.assert_array_equal(keypoint_colours(30)[24:], keypoint_colours(6))
    assert keypoint_colours(0).shape == (0, 3)
    np.testing.assert_allclose(keypoint_colours(1)[0] * 255, [0x3B, 0x6E, 0xD7])
    assert len(set(PALETTE)) == 24


def test_mixing_goes_from_the_first_to_the_second() -> None:
    black, white = np.zeros((2, 3)), np.ones(3)
    np.testing.assert_allclose(mix(black, white, np.array([0.25, 1.0])), [[0.25] * 3, [1.0] * 3])


@pytest.mark.parametrize("background", [[1.0, 1.0, 1.0], [0.05, 0.05, 0.1], [0.9, 0.85, 0.3]])
def test_ink_contrasts_with_its_background(background: list[float]) -> None:
    assert abs(ink(np.array(background)).mean() - np.mean(background)) > 0.35


def test_places_have_pale_colours_that_change_with_them_and_differ_from_keypoints() -> None:
    low, high = np.array([0.0, -1, 5]), np.array([2.0, 1, 5.1])
    places = np.random.default_rng(0).uniform(low, high, (500, 3))
    colours = place_colours(places, low, high)
    assert ((colours >= 0) & (colours <= 1)).all()
    far = np.linalg.norm(places[:, None] - places, axis=2)
    apart = np.linalg.norm(oklab(colours, "normal")[:, None] - oklab(colours, "normal"), axis=2)
    assert np.corrcoef(far.ravel(), apart.ravel())[0, 1] > 0.95
    assert apart[far < 0.05].max() < 0.02
    marks = oklab(keypoint_colours(8), "normal")
    assert np.linalg.norm(oklab(colours, "normal")[:, None] - marks, axis=2).min() > 0.04
