"""From what is known of every point to keypoints."""

import pytest
import torch

from kg_detectors.follow.readout import FAR, read_out, ways_to

# Three places in a row, a tenth apart; the anchor is the first.
WAYS = torch.tensor([[0.0], [0.1], [0.2]])


def test_the_point_whose_way_is_expected_to_be_the_least_is_chosen():
    # The first is likelier than any to be at the anchor, and may be far away: 0.4 * 0.2 = 0.08.
    # The second is near for sure: 0.7 * 0.1 = 0.07.
    posterior = torch.tensor([[[0.6, 0.0, 0.4], [0.3, 0.7, 0.0], [0.0, 0.0, 1.0]]])
    found = read_out(posterior, WAYS)
    assert found.indices.tolist() == [[1]]
    torch.testing.assert_close(found.confidences, torch.tensor([[0.3]]))


def test_halfway_between_two_that_are_far_apart_is_no_compromise():
    # The first is at the anchor or at the other end; the second halfway for sure.
    ways = torch.tensor([[0.0], [0.35], [0.9]])
    assert read_out(torch.tensor([[[0.6, 0.0, 0.4], [0.0, 1.0, 0.0]]]), ways).indices.tolist() == [[0]]


def test_confidence_is_the_probability_of_what_is_close():
    ways = torch.tensor([[0.0], [0.04], [0.2]])
    found = read_out(torch.tensor([[[0.5, 0.3, 0.2]]]), ways)
    torch.testing.assert_close(found.confidences, torch.tensor([[0.8]]))


def test_a_temperature_changes_confidences_and_no_keypoint():
    generator = torch.Generator().manual_seed(1)
    density, ways = torch.randn(2, 30, 8, generator=generator), torch.rand(2, 8, 3, generator=generator)
    one, two = read_out(density.exp(), ways), read_out(density.exp(), ways, 2.0)
    assert torch.equal(one.indices, two.indices)
    for b, k in ((0, 0), (1, 2)):
        posterior = (density[b, one.indices[b, k]] / 2).softmax(0)
        assert two.confidences[b, k] == pytest.approx(posterior[ways[b, :, k] <= 0.05].sum().item(), abs=1e-6)


def test_each_cloud_and_anchor_by_itself():
    generator = torch.Generator().manual_seed(0)
    posterior = torch.rand(3, 20, 6, generator=generator).softmax(2)
    ways = torch.rand(6, 4, generator=generator)
    found = read_out(posterior, ways)
    for b in range(3):
        for k in range(4):
            expected = [(posterior[b, n] * ways[:, k].clamp(max=FAR)).sum().item() for n in range(20)]
            assert found.indices[b, k] == min(range(20), key=expected.__getitem__)


def test_ways_to_an_anchor_lead_through_the_places_around_it():
    # Two layers of a row of places, 10 wide and 1 apart; the way to the other one leads round the end x = -1.
    x = torch.linspace(-1, 1, 41)
    places = torch.cat([torch.stack([x, 0 * x, torch.full_like(x, side)], 1) for side in (-1.0, 1.0)])
    boxes = torch.tensor([10.0, 0, 1])
    along = 5 * (x + 1)
    straight = (along[:, None] - along).abs()
    around = along[:, None] + along + 1
    ways = torch.cat([torch.cat([straight, around], 1), torch.cat([around, straight], 1)])
    diagonal = boxes.norm()
    anchors = torch.tensor([[0.12, 0, -1], [-0.6, 0, 1]])
    found = ways_to(anchors[None], places[None], ways[None] / diagonal, boxes[None])[0] * diagonal
    at = 5 * (anchors[:, 0] + 1)
    for k, side in enumerate((0, 1)):
        same, other = found[41 * side : 41 * side + 41, k], found[41 - 41 * side : 82 - 41 * side, k]
        # Through a neighbour and back where the anchor lies between: at most twice the step to it.
        assert ((same - (along - at[k]).abs()).abs() <= 0.25).all()
        assert ((other - (along + at[k] + 1)).abs() <= 0.25).all()


def test_an_anchor_that_is_a_place_has_its_ways():
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(1, 30, 3, generator=generator) * 2 - 1
    boxes = torch.tensor([[2.0, 2, 2]])
    ways = torch.cdist(places, places) / boxes.norm()
    chosen = torch.tensor([3, 17])
    torch.testing.assert_close(
        ways_to(places[:, chosen], places, ways, boxes), ways[:, :, chosen], atol=1e-5, rtol=0
    )
