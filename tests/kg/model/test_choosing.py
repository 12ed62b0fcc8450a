import torch

from kg.model.choosing import choose, choose_found, own_share

CORNERS = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [-1, 1, 0], [1, 1, 0]])


def test_share_of_pairs_on_which_a_keypoint_is_itself():
    usual, swapped = CORNERS[:3], CORNERS[[1, 0, 2]]
    found = torch.stack([usual, usual, swapped])
    # Of six ordered pairs two are of the shapes that agree.
    torch.testing.assert_close(own_share(found), torch.tensor([1 / 3, 1 / 3, 1]))
    assert own_share(found[:1]).tolist() == [0, 0, 0]


def chosen(places, blur, wander=None):
    """Choose on ten clouds around four corners; one candidate may be at a corner on every second."""
    around = torch.tensor([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0]])
    clouds = (CORNERS[:, None] + around).reshape(1, 16, 3).expand(10, -1, -1)
    found = places.expand(10, -1, -1).clone()
    if wander is not None:
        found[::2, wander] = CORNERS[3]
    return choose(clouds, found, places, blur, apart=0.5)


def test_each_stays_or_goes_for_a_reason():
    near, idle, wandering = [-0.8, -1, 0], [0.0, 0, 3], [0.0, 2, 0]
    places = torch.cat([torch.tensor([idle, near, wandering]), CORNERS])
    blur = torch.tensor([0.9, 0.5, 0.6, 0.1, 0.2, 0.3, 0.4])
    choice = chosen(places, blur, wander=2)
    assert choice.kept == [3, 4, 5, 6]
    assert [each.kept for each in choice.candidates] == [True] * 4 + [False] * 3
    reasons = [each.reason for each in choice.candidates]
    # Its own four points are then 1.9 or sqrt(2² + 0.1²) from the next corner; twelve stay at 0.1.
    more = (2 * 1.9 + 2 * 4.01**0.5 + 12 * 0.1) / 16 / 0.1 - 1
    assert reasons[0] == f"itself on 100% of pairs; points are {more:.1%} farther without it"
    assert reasons[4] == "nearer than 0.5 to candidate 0"
    # It and the corner where it is on five of ten shapes are mistaken for each other.
    assert "mistaken on" in reasons[5]
    assert reasons[6] == "brings 0.0%; from here on less than 5% on average"


def test_one_that_brings_little_stays_for_those_after_it():
    places = torch.cat([CORNERS[:2], torch.tensor([[0.0, 0, 3]]), CORNERS[2:]])
    assert chosen(places, torch.arange(5.0)).kept == [0, 1, 2, 3, 4]


def test_of_what_was_found_the_steadiest_come_first_in_boxes_of_whatever_size():
    clouds = torch.cat([CORNERS, CORNERS * 0.5, torch.tensor([[0.0, 0, 1], [0, 0, -1]])]).expand(6, -1, -1)
    sizes = 1 + torch.arange(6.0)[:, None, None] * torch.tensor([1.0, 2, 3])
    wandering = CORNERS[3] + torch.linspace(-0.3, 0.3, 6)[:, None] * torch.tensor([1.0, 0, 0])
    found = torch.stack([wandering, *CORNERS[:3].unsqueeze(1).expand(-1, 6, -1)], 1)
    choice = choose_found(clouds * sizes + 7, found * sizes + 7)
    assert choice.kept == [1, 2, 3, 0]
    places = torch.tensor([each.place for each in choice.candidates])
    torch.testing.assert_close(places, CORNERS, atol=1e-5, rtol=0)
