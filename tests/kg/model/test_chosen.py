"""A detector of which some keypoints are left."""

from dataclasses import replace

import torch

from kg import ops
from kg.model.checkpoint import begin_with, load_checkpoint, save_checkpoint
from kg.model.chosen import Chosen
from kg.model.making import make_detector

ROWS = (3, 0, 2)


def clouds():
    return torch.rand(2, 48, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


def both(config):
    """Return a detector of four keypoints, and the same of which three are left."""
    torch.manual_seed(0)
    whole = make_detector(config.model, config.train).eval()
    left = make_detector(replace(config.model, chosen=ROWS), config.train).eval()
    left.load_state_dict(Chosen.state_of(whole.state_dict()))
    return whole, left


def test_it_finds_those_that_are_left_in_their_order(tiny_config):
    whole, left = both(tiny_config)
    assert isinstance(left, Chosen)
    all_of_it, found = whole.find(clouds()), left.find(clouds())
    for name in ("keypoints", "indices", "confidences"):
        assert torch.equal(getattr(found, name), getattr(all_of_it, name)[:, list(ROWS)])
    # Each edge is that of the same two keypoints.
    pairs = [tuple(pair) for pair in ops.edge_pairs(4).tolist()]
    for number, (first, second) in enumerate(ops.edge_pairs(3).tolist()):
        ends = tuple(sorted((ROWS[first], ROWS[second])))
        assert torch.equal(found.edges[:, number], all_of_it.edges[:, pairs.index(ends)])


def test_it_says_of_its_own_keypoints_which_are_visible(tiny_config, monkeypatch):
    whole, left = both(tiny_config)
    assert left.find(clouds()).visible is None
    said = torch.tensor([[True, False, True, False], [False, True, True, True]])
    found = replace(whole.find(clouds()), visible=said)
    monkeypatch.setattr(left.whole, "find", lambda points, inference: found)
    assert left.find(clouds()).visible.tolist() == [[False, True, True], [True, False, True]]


def test_it_rebuilds_clouds_from_all(tiny_config):
    whole, left = both(tiny_config)
    assert torch.equal(left.reconstruct(clouds()), whole.reconstruct(clouds()))
    assert left.heatmap_use(clouds()) == whole.heatmap_use(clouds())
    assert left.recordable == whole.recordable
    assert left.minimum_points == whole.minimum_points


def test_a_checkpoint_keeps_it_and_a_training_begins_with_the_whole(tiny_config, tmp_path):
    whole, left = both(tiny_config)
    config = replace(tiny_config, model=replace(tiny_config.model, chosen=ROWS))
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, left.state_dict(), config, 1, {})
    loaded = load_checkpoint(path, torch.device("cpu"))
    assert loaded.config.model.count == 3
    assert torch.equal(loaded.model.find(clouds()).keypoints, left.find(clouds()).keypoints)
    torch.manual_seed(1)
    begun = make_detector(tiny_config.model, tiny_config.train)
    begin_with(begun, path)
    for name, value in whole.state_dict().items():
        assert torch.equal(begun.state_dict()[name], value), name
