"""In which ways a cloud is tried."""

import torch

from kg_detectors.follow.lies import SURE, TRIED, ways_to_try


def logits(*probabilities):
    """Return logarithms of probabilities, whose rest is shared by 20 other ways."""
    rest = (1 - sum(probabilities)) / 20
    return torch.tensor([*probabilities, *[rest] * 20]).log()


def test_a_cloud_is_tried_in_the_ways_that_are_probable():
    clouds, lies = ways_to_try(torch.stack((logits(0.2, 0.79, 0.0), logits(0.6, 0.001, 0.398))), 1.0)
    assert clouds.tolist() == [0, 0, 1, 1]
    assert lies.tolist() == [1, 0, 0, 2]


def test_what_is_sure_is_tried_in_one_way_alone():
    both = torch.stack((logits(0.01, 0.98), logits(0.5, 0.49)))
    clouds, lies = ways_to_try(both, SURE)
    assert clouds.tolist() == [0, 1, 1]
    assert lies.tolist() == [1, 0, 1]
    assert ways_to_try(both[:1], 1.0)[1].tolist() == [1, 0]


def test_no_more_are_tried_than_is_worth_it_and_one_where_none_is_probable():
    clouds, _ = ways_to_try(torch.zeros(2, 24), SURE)
    assert clouds.bincount().tolist() == [TRIED, TRIED]
    assert ways_to_try(torch.zeros(1, 5000), SURE)[1].numel() == 1
    assert ways_to_try(torch.zeros(3, 1), SURE)[1].tolist() == [0, 0, 0]
