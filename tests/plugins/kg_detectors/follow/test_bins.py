"""Places as bins."""

import numpy as np
import pytest
import torch

from kg_detectors.follow.bins import BINS, between, bin_loss, decode, likelihood


def sure_of(places, sharpness=200.0):
    """Return logits of which all weight is on the two bins that each place lies between."""
    below, share = between(places)
    weights = torch.zeros((*places.shape, BINS))
    weights.scatter_(-1, below[..., None], (1 - share)[..., None])
    weights.scatter_add_(-1, (below + 1)[..., None], share[..., None])
    return (weights + np.exp(-sharpness)).log()


def places(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_a_place_is_the_mean_of_the_two_bins_that_it_lies_between():
    true = places(2, 50, 3)
    torch.testing.assert_close(decode(sure_of(true)), true, atol=1e-5, rtol=0)


@pytest.mark.parametrize("end", [-1.0, 1.0, -1.2, 1.2])
def test_the_ends_are_bins_and_what_is_beyond_is_at_the_end(end):
    true = torch.full((1, 1, 3), end)
    torch.testing.assert_close(decode(sure_of(true)), true.clamp(-1, 1))


def test_the_mean_is_around_the_mode_alone():
    logits = torch.full((1, 1, 3, BINS), -20.0)
    logits[..., 3], logits[..., 28] = 1.0, 0.9
    expected = -1 + 2 * 3 / (BINS - 1)
    torch.testing.assert_close(decode(logits), torch.full((1, 1, 3), expected))


def test_the_loss_is_the_cross_entropy_with_the_shared_weights():
    rng = np.random.default_rng(1)
    logits, true = rng.normal(size=(2, 7, 3, BINS)), rng.uniform(-1, 1, (2, 7, 3))
    logs = logits - np.log(np.exp(logits).sum(3, keepdims=True))
    expected = np.zeros((2, 3))
    for b, n, axis in np.ndindex(2, 7, 3):
        position = (true[b, n, axis] + 1) / 2 * (BINS - 1)
        for place in range(BINS):
            expected[b, axis] -= max(0.0, 1 - abs(position - place)) * logs[b, n, axis, place] / 7
    found = bin_loss(torch.from_numpy(logits), torch.from_numpy(true))
    np.testing.assert_allclose(found, expected)


def test_a_point_is_likeliest_at_its_own_place():
    true = places(1, 40, 3)
    found = likelihood(sure_of(true), true)
    assert found[0].argmax(1).tolist() == list(range(40))


def test_between_two_centres_the_density_is_interpolated():
    logits = torch.full((1, 1, 3, BINS), -30.0)
    logits[..., 0], logits[..., 1] = np.log(0.75), np.log(0.25)
    step = 2 / (BINS - 1)
    at = torch.tensor([[-1.0, -1, -1], [-1 + step, -1, -1], [-1 + step / 2, -1, -1]])
    expected = torch.tensor([[[0.75, 0.25, 0.5]]]).log() + 2 * np.log(0.75)
    torch.testing.assert_close(likelihood(logits, at[None]).log(), expected, atol=1e-4, rtol=0)
