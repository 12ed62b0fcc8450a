"""From what is known of every point to keypoints."""

import torch

from kg_detectors.follow.readout import read_out

# Three places in a row, a tenth apart; the anchor is the first.
WAYS = torch.tensor([[0.0], [0.1], [0.2]])


def test_the_point_whose_way_is_expected_to_be_the_least_is_chosen():
    # The first is likelier than any to be at the anchor, and may be far away: 0.4 * 0.2 = 0.08.
    # The second is near for sure: 0.7 * 0.1 = 0.07.
    posterior = torch.tensor([[[0.6, 0.0, 0.4], [0.3, 0.7, 0.0], [0.0, 0.0, 1.0]]])
    found = read_out(posterior, WAYS)
    assert found.indices.tolist() == [[1]]
    torch.testing.assert_close(found.confidences, torch.tensor([[0.3]]))


def test_confidence_is_the_probability_of_what_is_close():
    ways = torch.tensor([[0.0], [0.04], [0.2]])
    found = read_out(torch.tensor([[[0.5, 0.3, 0.2]]]), ways)
    torch.testing.assert_close(found.confidences, torch.tensor([[0.8]]))


def test_each_cloud_and_anchor_by_itself():
    generator = torch.Generator().manual_seed(0)
    posterior = torch.rand(3, 20, 6, generator=generator).softmax(2)
    ways = torch.rand(6, 4, generator=generator)
    found = read_out(posterior, ways)
    for b in range(3):
        for k in range(4):
            expected = [(posterior[b, n] * ways[:, k]).sum().item() for n in range(20)]
            assert found.indices[b, k] == min(range(20), key=expected.__getitem__)
