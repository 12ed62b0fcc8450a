"""What one frame knows of points, in the next."""

import torch

from kg_detectors.follow.tracking import Before, Path, blur, carried, told

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


def test_each_way_to_lie_is_told_by_the_way_it_comes_from():
    positions = frame(0.0, *far_apart(4))
    both = Before(positions, torch.stack((sure(0, 9, 9, 9, 9), sure(5, 9, 9, 9, 9))))
    unclear = (0.5 * sure(0) + 0.5 * sure(5) + 1e-6).log()
    found = found_after(unclear.expand(2, 1, 10), frame(0.01), both)
    assert found[:, 0].argmax(1).tolist() == [0, 5]


SQUARE = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
# Keypoints if the square lies as usual, and if it is turned by half.
WAYS_TO_LIE = torch.stack((SQUARE, -SQUARE))


def path_of(*frames):
    """Return which way each frame lies in, of which this is the evidence, each carried on by 10 sizes."""
    path = Path(torch.tensor(2.0))
    for number, evidence in enumerate(frames):
        path.go_on(WAYS_TO_LIE + 20 * number, torch.tensor(evidence).log_softmax(0))
    return path.choices()


def test_an_object_that_is_carried_away_is_not_turned_about():
    assert path_of([5.0, 0.0], [0.0, 5.0], [0.0, 5.0], [0.0, 5.0]) == [0, 0, 0, 0]


def test_later_frames_tell_how_the_first_lay():
    assert path_of([0.5, 0.0], [0.0, 90.0]) == [1, 1]


def test_what_turns_step_by_step_is_followed():
    path, size = Path(torch.tensor(2.0)), 7
    angles = torch.arange(size) * torch.pi / (size - 1)
    for angle in angles:
        turn = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
        # The second way is right throughout; a frame alone would take it for the first once it is turned.
        shown = WAYS_TO_LIE @ turn.T
        path.go_on(shown, torch.tensor([4.0, 0.0] if angle > 2 else [0.0, 4.0]).log_softmax(0))
    assert path.choices() == [1] * size


def test_a_path_comes_from_the_way_that_lies_most_alike():
    path = Path(torch.tensor(2.0))
    assert path.go_on(WAYS_TO_LIE[:1], torch.zeros(1)).tolist() == [0]
    assert path.go_on(WAYS_TO_LIE, torch.tensor([0.0, 500.0])).tolist() == [0, 0]
    assert path.go_on(WAYS_TO_LIE.flip(0), torch.zeros(2)).tolist() == [1, 0]
    assert path.best == 0
