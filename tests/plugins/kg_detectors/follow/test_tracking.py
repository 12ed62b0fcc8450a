"""What one frame knows of points, in the next."""

import torch

from kg_detectors.follow.tracking import Before, blur, carried

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


def told(density, positions, before):
    return carried(torch.as_tensor(density).exp(), positions, before, SPREAD, SIZE)


def far_apart(count):
    """Return positions of other points that matter to none of the test's."""
    return [50.0 + number for number in range(count)]


def test_what_is_unclear_now_is_decided_by_what_was_known_before():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    unclear = (0.5 * sure(0) + 0.5 * sure(5) + 1e-6).log()
    assert told(unclear, frame(0.01), before)[0, 0] > 0.8


def test_a_frame_that_is_sure_of_something_else_has_its_way():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    assert told((sure(5) + 1e-6).log(), frame(0.01), before)[0].argmax() == 5


def test_where_no_point_was_near_nothing_is_carried():
    before = Before(frame(0.0, *far_apart(4)), sure(0, 9, 9, 9, 9))
    density = torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(told(density, frame(5.0), before), density.softmax(1), atol=1e-4, rtol=0)


def test_of_two_layers_the_one_counts_that_agrees():
    before = Before(frame(0.0, 0.001, *far_apart(3)), sure(0, 5, 9, 9, 9))
    leaning = (0.4 * sure(0) + 0.6 * sure(5) + 1e-6).log()
    found = told(leaning, frame(0.0005), before)[0]
    assert found[5] > 0.6
    assert found[0] < 0.4


def test_a_place_spreads_over_its_neighbours_at_rest():
    torch.testing.assert_close(SPREAD.sum(1), torch.ones(10))
    assert (SPREAD.argmax(1) == torch.arange(10)).all()
