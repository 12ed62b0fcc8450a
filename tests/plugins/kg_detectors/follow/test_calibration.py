"""One temperature for all confidences."""

import pytest
import torch

from kg_detectors.follow.calibration import TEMPERATURES, misses, nearest_places, surprises

PLACES = 40


def drawn(temperature, clouds=300):
    """Return densities of one point a cloud, and the ways to its true place, drawn as a temperature says."""
    generator = torch.Generator().manual_seed(0)
    density = 3 * torch.randn(clouds, 1, PLACES, generator=generator)
    true = (density[:, 0] / temperature).softmax(1).multinomial(1, generator=generator)[:, 0]
    ways = 1 - torch.eye(PLACES)
    return density.exp(), ways.expand(clouds, -1, -1), ways[true][None, :, None]


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_temperature_by_which_truth_was_drawn_surprises_least(temperature):
    likely, ways, truths = drawn(temperature)
    best = TEMPERATURES[int(surprises(likely, ways, truths).argmin())]
    assert temperature / 1.5 <= best <= temperature * 1.5


def test_a_surprise_is_the_cross_entropy_of_right_and_wrong():
    # One point, two anchors: at the first for 0.8, at the second for 0.2; it is at the first.
    likely = torch.tensor([[[0.8, 0.2]]])
    ways = 1 - torch.eye(2)[None]
    found = surprises(likely, ways, ways[None, :, :1])[TEMPERATURES.index(1.0)]
    torch.testing.assert_close(found, -torch.tensor(0.8).log())


def test_a_cloud_counts_in_the_way_that_it_is_nearest_to():
    likely = torch.tensor([[[0.8, 0.2]]])
    ways = 1 - torch.eye(2)[None]
    right, wrong = ways[None, :, :1], ways[None, :, 1:]
    both = surprises(likely, ways, torch.cat([wrong, right]))
    # Both lie at one anchor each: of equal ways the first counts.
    torch.testing.assert_close(both, surprises(likely, ways, wrong))
    nearer = torch.tensor([[[[0.0, 0.3]]]])
    torch.testing.assert_close(
        surprises(likely, ways, torch.cat([wrong, nearer])), surprises(likely, ways, nearer)
    )


def test_a_keypoint_misses_by_the_way_from_where_it_really_lies():
    # Three places in a row, two points: the first is right about itself, the other takes itself for the last.
    ways = torch.tensor([[[0.0, 1, 2], [1, 0, 1], [2, 1, 0]]])
    likely = torch.tensor([[[1.0, 0, 0], [0, 0, 1]]])
    truth, other = torch.tensor([[[0, 1]]]), torch.tensor([[[2, 2]]])
    # To the one in the middle both points seem as near: the first of them is taken.
    assert misses(likely, ways, truth).tolist() == [0, 1, 1]
    assert misses(likely, ways, torch.cat([other, truth])).tolist() == [0, 1, 1]


def test_the_nearest_place_is_of_the_same_layer():
    x = torch.linspace(-1, 1, 21)
    places = torch.cat([torch.stack([x, 0 * x, torch.full_like(x, side)], 1) for side in (-1.0, 1.0)])[None]
    found = nearest_places(places + 0.02, places, torch.tensor([[1.0, 0.5, 0.01]]))
    assert found[0].tolist() == list(range(42))
