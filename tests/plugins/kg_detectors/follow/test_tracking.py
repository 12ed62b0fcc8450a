"""What one frame knows of points, in the next."""

import pytest
import torch

from kg_detectors.follow.tracking import Before, agreement, blur, carried, told

# Ten places in a row, a tenth apart.
WAYS = (torch.arange(10)[:, None] - torch.arange(10)).abs() / 10
SPREAD = blur(WAYS)
SIZE = torch.tensor(1.0)


def sure(*places):
    """Return posteriors that are sure of these places."""
    return torch.eye(10)[list(places)]


def frame(*xs):
    """Return positions on a line."""
    return torch.tensor([[x, 0.0, 0.0] for x in xs])


def found_after(density, positions, before):
    """Return what is known of points of which the network alone says these logarithms."""
    posterior = torch.as_tensor(density).softmax(1)
    return carried(posterior, told(posterior, positions, before, SPREAD, SIZE))


def far_apart(count):
    """Return positions of other points that matter to none of the test's."""
    return [50.0 + number for number in range(count)]


def test_what_is_unclear_now_is_decided_by_what_was_known_before():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    unclear = (0.5 * sure(0) + 0.5 * sure(5) + 1e-6).log()
    assert found_after(unclear, frame(0.01), before)[0, 0] > 0.8


def test_a_frame_that_is_sure_of_something_else_has_its_way():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    assert found_after((sure(5) + 1e-6).log(), frame(0.01), before)[0].argmax() == 5


def test_where_no_point_was_near_nothing_is_carried():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    density = torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        found_after(density, frame(5.0), before), density.softmax(1), atol=1e-4, rtol=0
    )


def test_of_two_layers_the_one_counts_that_agrees():
    before = Before(frame(0.0, 0.001, *far_apart(3)), sure(0, 5, 9, 9, 9))
    leaning = (0.4 * sure(0) + 0.6 * sure(5) + 1e-6).log()
    found = found_after(leaning, frame(0.0005), before)[0]
    assert found[5] > 0.6
    assert found[0] < 0.4


def test_a_place_spreads_over_its_neighbours_at_rest():
    torch.testing.assert_close(SPREAD.sum(1), torch.ones(10))
    assert (SPREAD.argmax(1) == torch.arange(10)).all()
    # Numbers too small to be normal ones make a processor slow.
    far = blur(WAYS * 5)
    assert far[0, 2:].eq(0).all()
    assert far[far > 0].min() > 1e-12


def test_a_frame_agrees_with_the_one_before_as_far_as_their_points_do():
    prior = (sure(0, 3, 7) + 0.01).softmax(1)
    assert agreement(torch.full((3, 10), 0.1), prior).item() == pytest.approx(0, abs=1e-6)
    right, wrong = agreement(torch.stack((sure(0, 3, 7), sure(0, 3, 2))), prior)
    assert right.item() == pytest.approx((10 * prior[0, 0]).log().item())
    assert wrong < right
